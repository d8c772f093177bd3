use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::test_kit;

/// Heads of requests, as they came.
type Seen = Arc<Mutex<Vec<String>>>;

/// A host that gives one answer after the other, and then none.
async fn host(answers: Vec<String>) -> (Url, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.png", listener.local_addr().unwrap());
    let seen = Seen::default();
    let seen_there = seen.clone();
    tokio::spawn(async move {
        let mut answers = VecDeque::from(answers);
        while let Some(answer) = answers.pop_front() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
            seen_there.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (Url::parse(&url).unwrap(), seen)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn downloads() -> Downloads {
    Downloads::new(&test_kit::context()).unwrap()
}

#[tokio::test]
async fn a_file_comes_with_its_type_and_nothing_is_told_to_the_host() {
    let kind = "content-type: Image/PNG; x=y\r\n";
    let (url, seen) = host(vec![answer("200 OK", kind, "picture")]).await;
    let file = downloads().get(&url, 7).await.unwrap();
    assert_eq!(file.content_type.as_deref(), Some("image/png"));
    assert_eq!(file.content, b"picture");
    let head = seen.lock().unwrap().remove(0);
    for header in ["authorization", "cookie", "referer", "vendure"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_but_not_in_circles_nor_out_of_the_web() {
    let (target, _) = host(vec![answer("200 OK", "", "picture")]).await;
    let there = format!("location: {target}\r\n");
    let (url, _) = host(vec![answer("302 Found", &there, "")]).await;
    assert_eq!(downloads().get(&url, 7).await.unwrap().content, b"picture");
    for place in ["/a.png", "file:///etc/hostname", "ftp://127.0.0.1/a.png"] {
        let moved = answer("302 Found", &format!("location: {place}\r\n"), "");
        let (url, _) = host(vec![moved; 12]).await;
        let error = downloads().get(&url, 7).await.unwrap_err();
        assert!(matches!(error, DownloadError::Astray), "{place}: {error:?}");
    }
}

#[tokio::test]
async fn a_large_file_is_not_read_whether_it_says_so_or_not() {
    let (url, _) = host(vec![answer("200 OK", "", "12345678")]).await;
    let error = downloads().get(&url, 7).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge), "{error:?}");
    let silent = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n12345678".to_owned();
    let (url, _) = host(vec![silent]).await;
    let error = downloads().get(&url, 7).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge), "{error:?}");
}

#[tokio::test]
async fn passing_trouble_is_tried_again_and_lasting_trouble_is_not() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npic".to_owned();
    let busy = answer("503 Service Unavailable", "retry-after: 600\r\n", "");
    let (url, seen) = host(vec![busy, cut, answer("200 OK", "", "picture")]).await;
    assert_eq!(downloads().get(&url, 9).await.unwrap().content, b"picture");
    assert_eq!(seen.lock().unwrap().len(), 3);
    let (url, seen) = host(vec![answer("404 Not Found", "", ""); 3]).await;
    let error = downloads().get(&url, 7).await.unwrap_err();
    assert!(matches!(
        error,
        DownloadError::Refused(StatusCode::NOT_FOUND)
    ));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", free.local_addr().unwrap())).unwrap();
    drop(free);
    let error = downloads().get(&url, 7).await.unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable), "{error:?}");
}

#[tokio::test]
async fn only_the_web_is_fetched_from_and_no_password_is_sent() {
    for text in [
        "file:///etc/hostname",
        "data:image/png;base64,AA",
        "https://me:pw@a.example/b",
    ] {
        let error = downloads()
            .get(&Url::parse(text).unwrap(), 7)
            .await
            .unwrap_err();
        assert!(matches!(error, DownloadError::Astray), "{text}: {error:?}");
    }
}
