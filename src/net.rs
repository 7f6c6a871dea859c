//! Every socket and every clock of the program is made here. No policy: what a result means is for others.

pub mod certificate; // what a probed server presents, and whether to believe it
pub mod clock; // wall and monotonic time; tests pause the one and shift the other
pub mod dns; // one question to one name server
pub mod error; // why the network did not do what was asked
pub mod fetch; // one HTTP request of a probe, phase by phase
pub mod hear; // ports on which others speak unasked, and copies of what they say
pub mod http; // our own clients: to a console over mTLS or HTTPS, to the admin socket
pub mod icmp; // echo to thousands of targets over one socket a family
pub mod listen; // our own servers: plain, HTTPS, mTLS, admin socket
pub mod resolver; // names to addresses, as the system does it
pub mod serve; // listening sockets of the simulator
pub mod snmp; // asking SNMP agents, v1 v2c and v3
pub mod sock; // system calls that no safe crate offers; the only unsafe code
pub mod ssh; // a terminal on a network device
pub mod stamp; // both ends of a STAMP session
pub mod stop; // one way to say "end now"
pub mod tcp; // TCP connections with a deadline
pub mod tls; // who trusts whom
pub mod trace; // packets that die on the way, and who said so
pub mod udp;
pub mod unix; // what stands behind a local socket // datagrams to one peer and back
