//! Who watches the watcher: an address that is called while rules are evaluated. When the calls
//! stop, whoever listens there knows that this watch has ended.

use crate::alert::board::Board;
use crate::base::clock::{Clock, Duration};
use crate::base::net::client::{Ask, Client, ClientOptions};
use crate::base::task::Stop;
use crate::config::alerts::Heartbeat;
use std::sync::Arc;

/// A call that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often the configuration is looked at where it asks for no heartbeat.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the calls need to know, asked anew before each.
pub struct Wish {
    pub heartbeat: Option<Heartbeat>,
}

/// Calls until told to stop. `wish` gives the configuration of now; `say` hears why a call failed,
/// or `None` once it did not. The address itself is never said: it often holds a token.
pub async fn run(
    board: Arc<Board>,
    clock: Clock,
    mut stop: Stop,
    wish: impl Fn() -> Wish + Send,
    say: impl Fn(Option<String>) + Send,
) {
    let client = Client::new(&ClientOptions::default(), None);
    loop {
        let wished = wish().heartbeat;
        if let (Some(heartbeat), Ok(client)) = (&wished, &client) {
            if board.is_watching(clock.now_ms(), heartbeat.every.as_millis() as i64) {
                say(call(client, heartbeat).await.err());
            } else {
                say(Some(
                    "no rule was evaluated lately, so the heartbeat is not called".to_owned(),
                ));
            }
        } else {
            say(None);
        }
        let pause = wished.map_or(LOOK_EVERY, |h| h.every);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return,
        }
    }
}

async fn call(client: &Client, heartbeat: &Heartbeat) -> Result<(), String> {
    let mut body = Vec::new();
    let ask = Ask::get(&heartbeat.url, TIMEOUT, 64 << 10);
    match client.send(ask, &mut body).await {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(format!(
            "the heartbeat's address answered with status {}",
            reply.status
        )),
        // The client's words may name the address.
        Err(_) => Err("the heartbeat's address cannot be reached".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::task;
    use parking_lot::Mutex;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// One answer of a server; returns the first line that it was sent.
    fn serve_once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ping/secret", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let n = stream.read(&mut head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let text = String::from_utf8_lossy(&head[..n]).into_owned();
            text.lines().next().unwrap_or_default().to_owned()
        });
        (url, served)
    }

    fn said(answer: &'static str, watching: bool) -> (Vec<Option<String>>, Option<String>) {
        let (url, served) = serve_once(answer);
        let board = Arc::new(Board::default());
        let clock = Clock::fake(1_000_000);
        if watching {
            board.note_good(1_000_000);
        }
        let heard: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let hears = heard.clone();
        let runtime = task::runtime().unwrap();
        runtime.block_on(async move {
            let (stopper, stop) = task::stopper();
            let wish = move || Wish {
                heartbeat: Some(Heartbeat {
                    url: url.clone(),
                    every: Duration::from_hours(1),
                }),
            };
            let stopper = Mutex::new(Some(stopper));
            let say = move |why| {
                hears.lock().push(why);
                stopper.lock().take();
            };
            run(board, clock, stop, wish, say).await;
        });
        let heard = heard.lock().clone();
        (heard, watching.then(|| served.join().unwrap()))
    }

    #[test]
    fn it_is_called_while_rules_are_evaluated() {
        let (heard, asked) = said("HTTP/1.1 204 No Content\r\n\r\n", true);
        assert_eq!(heard, [None]);
        assert_eq!(asked.as_deref(), Some("GET /ping/secret HTTP/1.1"));
    }

    #[test]
    fn a_failure_is_said_without_the_address() {
        let answer = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        let (heard, _) = said(answer, true);
        let why = heard[0].clone().unwrap();
        assert!(why.contains("500") && !why.contains("secret"), "{why}");
    }

    #[test]
    fn nothing_is_called_while_no_rule_is_evaluated() {
        let (heard, _) = said("", false);
        assert!(heard[0].as_deref().is_some_and(|w| w.contains("no rule")));
    }
}
