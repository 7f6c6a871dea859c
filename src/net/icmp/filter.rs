//! What the kernel throws away before it reaches us. A raw socket gets all ICMP that the host receives: replies
//! to other programs' pings, errors about anybody's packets, floods. A classic BPF program on the socket lets
//! through only what bears an identifier of ours, so that a storm of the rest costs no buffer and no wake-up.
//! It is no proof: what passes is still held against number, cookie and source.

use std::io;

use socket2::{SockFilter, Socket};

use crate::codec::icmp::Version;

/// Identifiers of one socket differ in these bits only.
pub(super) const BLOCK: u16 = 0x000f;

/// Offsets in a message: of the identifier of an echo, and of what an error quotes.
const IDENTIFIER: u32 = 4;
const QUOTE: u32 = 8;
/// Length of an IPv6 header, and where one names what follows.
const V6_HEADER: u32 = 40;
const V6_NEXT: u32 = 6;
/// Where an IPv4 header names what follows.
const V4_PROTOCOL: u32 = 9;

/// Instructions, by the names of <linux/bpf_common.h>.
const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_IND; // A = byte at X + k
const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_IND; // A = two bytes at X + k
const LOAD_LENGTH: u32 = libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH; // X = 4 * (byte at k & 15)
const LOAD_X: u32 = libc::BPF_LDX | libc::BPF_IMM; // X = k
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const SHIFT_LEFT: u32 = libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K;
const ADD_X: u32 = libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X;
const A_TO_X: u32 = libc::BPF_MISC | libc::BPF_TAX;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// A program that is being written. Each `want` that fails goes to the end, where nothing is let through.
struct Program(Vec<Step>);

enum Step {
    Do(u32, u32),
    /// Goes on if A is this, else to the end.
    Want(u32),
    /// Goes on if A is this, else so many steps ahead.
    Skip(u32, u8),
}

/// Lets an identifier of the block of `id` through: in echo replies, and in errors that quote a request.
pub(super) fn attach(socket: &Socket, version: Version, id: u16) -> io::Result<()> {
    socket.attach_filter(&program(version, id))
}

fn program(version: Version, id: u16) -> Vec<SockFilter> {
    let (reply, request, protocol) = match version {
        Version::V4 => (0, 8, libc::IPPROTO_ICMP as u32),
        Version::V6 => (129, 128, libc::IPPROTO_ICMPV6 as u32),
    };
    let ours = [
        Step::Do(LOAD_HALF, IDENTIFIER),
        Step::Do(AND, u32::from(!BLOCK)),
        Step::Want(u32::from(id & !BLOCK)),
        Step::Do(RETURN, u32::MAX),
    ];
    let mut program = Program(Vec::new());
    // X: where the ICMP message begins. Version 6 sockets are not given the IP header.
    program.0.push(match version {
        Version::V4 => Step::Do(LOAD_LENGTH, 0),
        Version::V6 => Step::Do(LOAD_X, 0),
    });
    program.0.extend([Step::Do(LOAD_BYTE, 0), Step::Skip(reply, ours.len() as u8)]);
    program.0.extend(ours);
    // The types that the socket's own filter left over are errors. X: where the quoted message begins.
    match version {
        Version::V4 => program.0.extend([
            Step::Do(LOAD_BYTE, QUOTE + V4_PROTOCOL),
            Step::Want(protocol),
            Step::Do(LOAD_BYTE, QUOTE),
            Step::Do(AND, 0x0f),
            Step::Do(SHIFT_LEFT, 2),
            Step::Do(ADD_X, 0),
            Step::Do(A_TO_X, 0),
            Step::Do(LOAD_BYTE, QUOTE),
            Step::Want(request),
            Step::Do(LOAD_HALF, QUOTE + IDENTIFIER),
        ]),
        Version::V6 => program.0.extend([
            Step::Do(LOAD_BYTE, QUOTE + V6_NEXT),
            Step::Want(protocol),
            Step::Do(LOAD_BYTE, QUOTE + V6_HEADER),
            Step::Want(request),
            Step::Do(LOAD_HALF, QUOTE + V6_HEADER + IDENTIFIER),
        ]),
    }
    program.0.extend([
        Step::Do(AND, u32::from(!BLOCK)),
        Step::Want(u32::from(id & !BLOCK)),
        Step::Do(RETURN, u32::MAX),
    ]);
    program.written()
}

impl Program {
    fn written(self) -> Vec<SockFilter> {
        let end = self.0.len();
        let step = |(at, step): (usize, &Step)| match *step {
            Step::Do(code, k) => SockFilter::new(code as u16, 0, 0, k),
            Step::Want(k) => SockFilter::new(IF_EQUAL as u16, 0, (end - at - 1) as u8, k),
            Step::Skip(k, ahead) => SockFilter::new(IF_EQUAL as u16, 0, ahead, k),
        };
        let mut all: Vec<SockFilter> = self.0.iter().enumerate().map(step).collect();
        all.push(SockFilter::new(RETURN as u16, 0, 0, 0));
        all
    }
}
