//! Everything that was committed takes effect, once and in order, whatever was away meanwhile.

use std::time::Duration;

use crate::audit;
use crate::pipeline::Pipeline;

const POSTGRES_AWAY: Duration = Duration::from_secs(45);
const NATS_AWAY: Duration = Duration::from_mins(1);
const PEER_AWAY: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_for_45_s_loses_repeats_or_gives_up_nothing() {
    let mut pipeline = Pipeline::start().await;
    pipeline.postgres.stop().await.unwrap();
    tokio::time::sleep(POSTGRES_AWAY).await;
    pipeline.postgres.start_again().await.unwrap();
    pipeline.recover("PostgreSQL stopped for 45 s").await;
    audit::told_once(&pipeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_silent_for_45_s_loses_repeats_or_gives_up_nothing() {
    let mut pipeline = Pipeline::start().await;
    pipeline.postgres.pause().await.unwrap();
    tokio::time::sleep(POSTGRES_AWAY).await;
    pipeline.postgres.resume().await.unwrap();
    pipeline.recover("PostgreSQL silent for 45 s").await;
    audit::told_once(&pipeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_stopped_for_60_s_loses_repeats_or_gives_up_nothing() {
    let mut pipeline = Pipeline::start().await;
    pipeline.nats.stop().await.unwrap();
    tokio::time::sleep(NATS_AWAY).await;
    pipeline.nats.start_again().await.unwrap();
    pipeline.recover("NATS stopped for 60 s").await;
    audit::told_once(&pipeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_silent_for_60_s_loses_repeats_or_gives_up_nothing() {
    let mut pipeline = Pipeline::start().await;
    pipeline.nats.pause().await.unwrap();
    tokio::time::sleep(NATS_AWAY).await;
    pipeline.nats.resume().await.unwrap();
    pipeline.recover("NATS silent for 60 s").await;
    audit::told_once(&pipeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_handlers_ask_and_is_away_for_60_s_costs_no_event_an_attempt() {
    let mut pipeline = Pipeline::start().await;
    pipeline.callee.stop();
    tokio::time::sleep(PEER_AWAY).await;
    pipeline.callee.start_again().await;
    pipeline.recover("callee of a handler away for 60 s").await;
    audit::told_once(&pipeline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_effects_tell_and_is_away_for_60_s_costs_no_effect_an_attempt() {
    let mut pipeline = Pipeline::start().await;
    pipeline.provider.stop();
    tokio::time::sleep(PEER_AWAY).await;
    pipeline.provider.start_again().await;
    pipeline.recover("provider of an effect away for 60 s").await;
}
