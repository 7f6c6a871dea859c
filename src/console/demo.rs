//! What the pages know of a demonstration: that it is one, and which cables a person may pull. The simulator
//! is on the other end of the channel; the console does not know it.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, watch};

use crate::model::LinkId;

/// An order to whoever plays the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DemoOrder {
    /// Pull the cable of this link.
    Pull(LinkId),
    /// Put it back.
    Plug(LinkId),
}

/// A demonstration that runs.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Links whose cable may be pulled, with what people call them.
    pub cables: Vec<(LinkId, String)>,
    /// Takes orders. Full means that many are under way: try again.
    pub pull: mpsc::Sender<DemoOrder>,
    /// Links whose cable is out because somebody pulled it.
    pub pulled: watch::Receiver<BTreeSet<LinkId>>,
}
