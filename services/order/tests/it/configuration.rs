//! Settings and schema.

use order::{CatalogMode, Config};

use crate::shop::{Caller, Shop, example, jane};

#[tokio::test]
async fn a_required_catalog_is_refused_at_start_with_the_way_out() {
    let context = Shop::open().await.context;
    let config = Config { catalog: CatalogMode::Required };
    let error = order::service(context, config).err().unwrap().to_string();
    for words in ["order.catalog", "`required`", "`optional`", "unit_price"] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_service_without_a_database_is_refused_at_start() {
    let mut context = Shop::open().await.context;
    context.database = None;
    let error = order::service(context, Config::default()).err().unwrap();
    assert!(error.to_string().contains("database"), "{error}");
}

#[test]
fn the_first_migration_is_kits() {
    let first = order::MIGRATOR.iter().next().unwrap();
    assert_eq!(first.version, 1);
    assert_eq!(first.sql.as_str(), kit::outbox::MIGRATION_SQL);
}

#[tokio::test]
async fn the_documents_indexes_and_the_lists_index_exist() {
    let shop = Shop::open().await;
    let mut names: Vec<String> =
        sqlx::query_scalar("SELECT indexname::text FROM pg_indexes WHERE tablename = 'orders'")
            .fetch_all(&shop.pool)
            .await
            .unwrap();
    names.sort();
    assert_eq!(
        names,
        [
            "idx_orders_created_at",
            "idx_orders_status",
            "idx_orders_user_created_at",
            "idx_orders_user_id",
            "idx_orders_user_status",
            "orders_pkey",
        ]
    );
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after() {
    let shop = Shop::open().await;
    shop.pool.close().await;
    for answer in [
        shop.post(Caller::User(jane()), "/orders", &example()).await,
        shop.get(Caller::User(jane()), "/orders").await,
    ] {
        answer.problem(503);
        assert!(answer.headers.contains_key("retry-after"));
    }
}
