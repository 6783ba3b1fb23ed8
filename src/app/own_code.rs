//! When the program gives back the pages of its code that are not in use.

use crate::base::clock::Duration;
use crate::base::own::give_back_code;
use crate::base::task::Stop;

/// By then everything was started.
const FIRST: Duration = Duration::from_secs(20);
/// What was looked at meanwhile goes too: under a thousand short faults, 2 ms of a core.
const AGAIN: Duration = Duration::from_mins(5);

/// Gives back the code's pages after the start and now and then, until the engine ends.
pub(crate) async fn give_code_back(mut stop: Stop) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.wait() => return,
        }
        give_back_code();
        wait = AGAIN;
    }
}
