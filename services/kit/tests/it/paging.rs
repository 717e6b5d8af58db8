//! Windows of lists, read from a real PostgreSQL.

use kit::database::{Database, Query as _, Statement};
use kit::paging::{Direction, Start, Total, Window};

/// A list of `count` numbers.
async fn numbers(count: i32) -> Database {
    let test = testbed::Postgres::shared().await.empty_database().await;
    for statement in [
        "CREATE TABLE numbers (id uuid NOT NULL, number bigint NOT NULL)".to_owned(),
        format!(
            "INSERT INTO numbers SELECT gen_random_uuid(), number FROM generate_series(1, {count}) AS number"
        ),
        "ANALYZE numbers".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&test.pool).await.unwrap();
    }
    Database::from_url(&test.url, 2).unwrap()
}

fn from_numbers(above: i64) -> impl Fn(&mut Statement) {
    move |statement: &mut Statement| {
        statement.push(" FROM numbers WHERE number > ").bind(above);
    }
}

async fn total(database: &Database, above: i64, start: Start) -> Total {
    let window = Window { start, limit: 2 };
    let mut statement = Statement::new("SELECT number");
    window.push_total(&mut statement, from_numbers(above));
    from_numbers(above)(&mut statement);
    window.push(&mut statement, "number", Direction::Asc);
    let found = database.rows(statement.sql(), &statement.parameters()).await.unwrap();
    window.total(database, &found, from_numbers(above)).await.unwrap()
}

#[tokio::test]
async fn a_page_counts_exactly_wherever_it_is_and_an_empty_list_too() {
    let database = numbers(5).await;
    for (above, page, expected) in [(0, 1, 5), (0, 3, 5), (0, 9, 5), (3, 1, 2), (5, 1, 0), (5, 2, 0)] {
        assert_eq!(
            total(&database, above, Start::Page(page)).await,
            Total::Exact(expected),
            "{above} {page}"
        );
    }
}

#[tokio::test]
async fn a_list_of_more_than_100_000_is_estimated() {
    let database = numbers(150_000).await;
    let Total::Estimate(estimate) = total(&database, 0, Start::Page(1)).await else {
        panic!("it was counted");
    };
    assert!((100_001..300_000).contains(&estimate), "{estimate}");
    assert_eq!(total(&database, 50_000, Start::Page(1)).await, Total::Exact(100_000));
}
