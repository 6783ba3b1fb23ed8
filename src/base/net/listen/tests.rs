//! Listeners over real loopback sockets.

use super::*;
use crate::base::net::client::{Ask, Client, ClientOptions};
use crate::base::net::http::Payload;
use hyper::Response;
use std::io::Read;

fn hello() -> Respond {
    Arc::new(|_, _| Box::pin(async { Response::new(Payload::from(b"hello".to_vec())) }))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    task::runtime().unwrap().block_on(work)
}

async fn get(url: &str) -> Vec<u8> {
    let client = Client::new(&ClientOptions::default(), None).unwrap();
    let mut body = Vec::new();
    let ask = Ask::get(url, Duration::from_secs(10), 0);
    client.send(ask, &mut body).await.unwrap();
    body
}

#[test]
fn idle_connections_make_room_for_the_next() {
    run(async {
        let bound = Bound::bind(Spec::loopback(0)).await.unwrap();
        let address = bound.addresses()[0];
        let (stop, heard) = task::stopper();
        let limits = Limits {
            connections: 8,
            ..Limits::default()
        };
        let served = task::spawn("test-listener", bound.serve(limits, hello(), heard));
        let idle: Vec<_> = (0..50)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        assert_eq!(get(&format!("http://{address}/")).await, b"hello");
        // The first of the idle ones was closed for those that came later.
        let mut first = &idle[0];
        first
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        assert!(matches!(first.read(&mut [0]), Ok(0) | Err(_)));
        stop.stop();
        served.await.unwrap();
    });
}

#[test]
fn a_taken_port_and_an_open_door_are_refused() {
    run(async {
        let first = Bound::bind(Spec::loopback(0)).await.unwrap();
        let address = first.addresses()[0];
        let second = Bound::bind(Spec::loopback(address.port())).await;
        assert_eq!(second.err(), Some(ListenError::Taken(address)));
        let mut open = Spec {
            addresses: vec!["0.0.0.0:9470".parse().unwrap()],
            ..Spec::default()
        };
        assert!(matches!(open.check(), Err(ListenError::Open(_))));
        open.allow = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(open.check(), Ok(()));
        assert!(open.allows("10.1.1.1".parse().unwrap()));
        assert!(open.allows("127.0.0.1".parse().unwrap()));
        assert!(!open.allows("192.168.0.1".parse().unwrap()));
        assert!(!open.is_open_to_everybody());
        let allow = vec!["0.0.0.0/0".parse().unwrap()];
        let wide = Spec {
            allow: allow.clone(),
            ..open.clone()
        };
        assert!(wide.is_open_to_everybody());
        let here = Spec {
            allow,
            ..Spec::loopback(0)
        };
        assert!(!here.is_open_to_everybody());
    });
}
