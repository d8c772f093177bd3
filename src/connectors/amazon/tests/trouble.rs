//! What goes wrong, and how it is told.

use super::*;

#[tokio::test]
async fn a_list_that_repeats_its_page_repeats_its_token() {
    let (running, connector) = start().await;
    running.set_faults(Profile {
        repeated_page: 1.0,
        ..Profile::default()
    });
    let first = connector.fetch_listings(None).await.unwrap().next.unwrap();
    let second = connector.fetch_listings(Some(&first)).await.unwrap();
    assert_eq!(second.next, Some(first));
    let since = since();
    let first = connector.fetch_orders(&since, None).await.unwrap().next;
    assert!(first.is_some());
    let second = connector.fetch_orders(&since, first.as_ref()).await;
    assert_eq!(second.unwrap().next, first);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let (running, connector) = start().await;
    let account = connector.check().await.unwrap();
    assert_eq!(account.name, "A2SKUCASTSANDBOX on amazon.de");
    running.with(|sandbox| {
        let mut saved = sandbox.save();
        saved["tokens"] = json!({});
        sandbox.restore(saved).unwrap();
    });
    connector.check().await.unwrap();
    assert_eq!(running.requests()["POST /auth/o2/token"], 2);
}

#[tokio::test]
async fn wrong_credentials_are_told_in_words() {
    let (running, _connector) = start().await;
    for (setting, said) in [
        ("refresh_token", "invalid_grant"),
        ("client_secret", "invalid_client"),
    ] {
        let error = connect_with(&running, &[(setting, "wrong")])
            .check()
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(error.message.contains(said), "{error}");
        assert!(!error.hints.is_empty());
    }
    let stranger = connect_with(&running, &[("seller_id", "ASOMEONEELSE")]);
    let error = stranger.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hints.iter().any(|hint| hint.contains("seller_id")));
}

#[tokio::test]
async fn a_stuck_feed_is_pending_until_it_moves() {
    let (running, connector) = start().await;
    let stuck = Profile {
        stuck_submission: 1.0,
        ..Profile::default()
    };
    running.set_faults(stuck);
    let outcomes = push(&*connector, &[create(listing("A"))], false).await;
    let id = submission(&outcomes);
    tokio::time::sleep(Duration::from_millis(80)).await;
    let answer = connector.poll_submission(&id, &[]).await.unwrap();
    assert!(matches!(answer, Submission::Pending), "{answer:?}");
    running.set_faults(Profile::default());
    assert!(settled(&*connector, &id).await.is_empty());
}

#[tokio::test]
async fn trouble_of_amazons_own_may_be_repeated_and_a_refusal_may_not() {
    let (running, connector) = start().await;
    running.set_faults(Profile {
        partial_batch: 1.0,
        refused_skus: vec!["NEVER".into()],
        ..Profile::default()
    });
    let changes = [create(listing("LATER")), create(listing("NEVER"))];
    let outcomes = push(&*connector, &changes, false).await;
    let done = settled(&*connector, &submission(&outcomes)).await;
    for one in &done {
        match (one.key.as_str(), &one.outcome) {
            ("LATER", Outcome::Failed(error)) => assert!(error.is_temporary()),
            ("NEVER", Outcome::Rejected(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(done.len(), 2);
}

#[tokio::test]
async fn a_write_that_is_ignored_is_answered_like_any_other() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    running.set_faults(Profile {
        ignored: 1.0,
        ..Profile::default()
    });
    let outcomes = push_stock(&*connector, &[stock("A", 1)], Route::Direct).await;
    assert!(matches!(outcomes[0].outcome, Outcome::Accepted { .. }));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(7));
}

#[tokio::test]
async fn a_feed_whose_answer_is_lost_is_in_doubt_and_not_sent_again() {
    let (running, _connector) = start().await;
    let environment = Environment {
        channel: "amazon-de".into(),
        http: context(),
    };
    let setting = |key: &str| running.settings[key].as_str().unwrap().to_owned();
    let token = TokenSource::refresh_token(
        &environment.http.client,
        setting("token_url").parse().unwrap(),
        setting("client_id"),
        setting("client_secret").into(),
        setting("refresh_token").into(),
    );
    let api = Api::new(&environment, SellingPartner::new(token), &running.url);
    let document = api.upload(b"{}".to_vec()).await.unwrap();
    running.set_faults(Profile {
        lost_answer: 1.0,
        most: 1,
        ..Profile::default()
    });
    let error = api.create_feed(&account(), &document).await.unwrap_err();
    assert!(error.in_doubt, "{error}");
    assert!(matches!(
        crate::connectors::amazon::failed(error),
        Outcome::Unknown(_)
    ));
    assert_eq!(running.requests()["POST /feeds/2021-06-30/feeds"], 1);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    buy(&running, "A", 2);
    let saved = running.with(|sandbox| sandbox.save());
    let mut again = AmazonSandbox::default();
    crate::sandbox::Sandbox::restore(&mut again, saved.clone()).unwrap();
    assert_eq!(crate::sandbox::Sandbox::save(&again), saved);
    let state = crate::sandbox::Sandbox::state(&again);
    assert_eq!(state.listings["A"].quantity, Some(5));
    assert_eq!(state.orders.len(), 1);
    assert!(saved["buckets"]["createFeed"].is_object());
}

#[tokio::test]
async fn a_caller_without_a_token_or_quota_is_refused_in_amazons_words() {
    let (running, connector) = start().await;
    let url = format!("{}/orders/2026-01-01/orders/1", running.url);
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "Unauthorized");
    connector.check().await.unwrap();
    let saved = running.with(|sandbox| sandbox.save());
    let token = saved["tokens"].as_object().unwrap().keys().next().unwrap();
    let client = reqwest::Client::new();
    let mut statuses = BTreeSet::new();
    for _ in 0..32 {
        let request = client.get(&url).header("x-amz-access-token", token);
        statuses.insert(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, BTreeSet::from([404, 429]));
}
