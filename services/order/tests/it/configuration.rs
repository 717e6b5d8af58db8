//! Settings and schema.

use order::{CatalogMode, Config, Order};

use crate::service::{Caller, Service, example, jane};

#[tokio::test]
async fn a_required_catalog_is_refused_at_start_with_the_way_out() {
    let context = Service::start().await.context.clone();
    let config = Config { catalog: CatalogMode::Required };
    let error = kit::service::assemble::<Order>(context, config, Vec::new).err().unwrap().to_string();
    for words in ["order.catalog", "`required`", "`optional`", "unit_price"] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_service_without_a_database_is_refused_at_start() {
    let mut context = Service::start().await.context.clone();
    context.database = None;
    let error = kit::service::assemble::<Order>(context, Config::default(), Vec::new).err().unwrap();
    assert!(error.to_string().contains("database"), "{error}");
}

#[tokio::test]
async fn every_list_has_an_index_and_no_order_pays_for_one_that_none_needs() {
    let service = Service::start().await;
    let mut names: Vec<String> =
        sqlx::query_scalar("SELECT indexname::text FROM pg_indexes WHERE tablename = 'orders'")
            .fetch_all(service.pool())
            .await
            .unwrap();
    names.sort();
    assert_eq!(
        names,
        [
            "idx_orders_created_at",
            "idx_orders_status",
            "idx_orders_user_created_at",
            "orders_number",
            "orders_pkey",
        ]
    );
}

#[tokio::test]
async fn a_store_that_is_unavailable_is_503_with_retry_after() {
    let postgres = testbed::Postgres::start().await.unwrap();
    let service = Service::start_on(&postgres).await;
    postgres.stop().await.unwrap();
    for answer in [
        service.post(Caller::User(jane()), "/orders", &example()).await,
        service.get(Caller::User(jane()), "/orders").await,
    ] {
        answer.problem(503);
        assert!(answer.headers.contains_key("retry-after"));
    }
}
