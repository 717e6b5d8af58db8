//! The shop in whose name messages are sent.

use serde::Serialize;
use url::Url;
use uuid::Uuid;

/// The shop in whose name messages are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shop {
    /// What it calls itself.
    pub(crate) name: String,
    /// Where its pages are; without them messages hold no link.
    pub(crate) url: Option<Url>,
}

impl Shop {
    /// The page on which a customer sees an order.
    pub(crate) fn order_page(&self, order: Uuid) -> Option<Url> {
        let mut page = self.url.clone()?;
        // Fails only for addresses such as `mailto:`, which the configuration refuses.
        page.path_segments_mut().ok()?.pop_if_empty().extend(["account", "orders", &order.to_string()]);
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orders_page_lies_below_the_shops_own() {
        let page = |url: &str| {
            let shop = Shop { name: "Shop".to_owned(), url: Some(url.parse().unwrap()) };
            shop.order_page(Uuid::nil()).unwrap().to_string()
        };
        let path = "account/orders/00000000-0000-0000-0000-000000000000";
        assert_eq!(page("https://shop.example"), format!("https://shop.example/{path}"));
        assert_eq!(page("https://example.com/shop/"), format!("https://example.com/shop/{path}"));
        assert_eq!(Shop { name: "Shop".to_owned(), url: None }.order_page(Uuid::nil()), None);
    }
}
