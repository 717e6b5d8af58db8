//! nats-server.

use async_nats::jetstream::stream::Config;
use testbed::Nats;

#[tokio::test]
async fn jetstream_keeps_messages_over_a_restart_and_loses_them_with_its_store() {
    let server = Nats::start().await.unwrap();
    let jetstream = server.jetstream().await.unwrap();
    let config =
        Config { name: "THINGS".to_owned(), subjects: vec!["things.>".to_owned()], ..Config::default() };
    jetstream.create_stream(config).await.unwrap();
    jetstream.publish("things.one", "1".into()).await.unwrap().await.unwrap();

    server.stop().await.unwrap();
    server.start_again().await.unwrap();
    let jetstream = server.jetstream().await.unwrap();
    let stream = jetstream.get_stream("THINGS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);

    server.lose_store().await.unwrap();
    server.start_again().await.unwrap();
    let jetstream = server.jetstream().await.unwrap();
    assert!(jetstream.get_stream("THINGS").await.is_err());
}

#[tokio::test]
async fn configuration_text_is_honoured() {
    let server =
        Nats::start_with("authorization { users: [ { user: ann, password: secret } ] }").await.unwrap();
    assert!(server.client().await.is_err());
    let options = async_nats::ConnectOptions::with_user_and_password("ann".to_owned(), "secret".to_owned());
    assert!(options.connect(server.url()).await.is_ok());
}

#[tokio::test]
async fn a_broken_configuration_is_told_with_the_servers_own_words() {
    let error = Nats::start_with("nonsense {{{").await.unwrap_err();
    assert!(format!("{error:#}").contains("nats-server ended"), "{error:#}");
}

#[tokio::test]
async fn provisioning_creates_everything_once() {
    let server = Nats::start().await.unwrap();
    let jetstream = server.provision().await.unwrap();
    server.provision().await.unwrap();
    for stream in topology::STREAMS {
        assert!(jetstream.get_stream(stream.name).await.is_ok(), "{}", stream.name);
    }
    for bucket in topology::BUCKETS {
        let store = jetstream.get_key_value(bucket.name).await.unwrap();
        store.put("some.key", "value".into()).await.unwrap();
        assert_eq!(store.get("some.key").await.unwrap().unwrap(), "value");
    }
}
