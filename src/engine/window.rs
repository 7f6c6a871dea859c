//! Statistics over the last seconds of one series.
