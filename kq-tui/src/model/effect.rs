//! Everything that the monitor wants done outside.

use kq_proto::monitor::v1;

use super::Call;

/// One wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Something of the feed.
    Ask(FeedAsk),
    /// A broker is to be asked something beside the stream.
    Call {
        /// Told back with each answer.
        id: u64,
        /// What.
        call: Box<Call>,
    },
    /// No more answers of this call are wanted.
    HangUp(u64),
    /// Text into the user's clipboard, by the terminal (OSC 52). It is shown on the screen as well.
    Copy(String),
    /// The screen as it is, into a file.
    Export {
        /// Told back with the outcome.
        id: u64,
        /// Where.
        path: String,
    },
    /// Tell the terminal to report the mouse, or no longer.
    Mouse(bool),
    /// Draw everything anew.
    Repaint,
    /// Give the terminal back and stop, until the shell continues us.
    Suspend,
    /// End with this exit code.
    Quit(u8),
}

/// What is wanted of a feed.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedAsk {
    /// What is on the screen.
    Window(Box<v1::Window>),
    /// To a moment of the past.
    Seek(v1::Seek),
    /// Back to what is now.
    Resume,
    /// Of a feed that plays: at this speed, in hundredths; 0 = stand still.
    Speed(u32),
}
