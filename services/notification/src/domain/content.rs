//! Renders an order's messages.

use std::sync::LazyLock;

use kit::money::{Amount, Currency, Money};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use uuid::Uuid;

use super::{Address, Channel, Customer, Kind, Order};

/// A message ready to be recorded and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    /// How it will be sent.
    pub(crate) channel: Channel,
    /// E-mail address or phone number.
    pub(crate) recipient: String,
    /// Subject line; none for SMS.
    pub(crate) subject: Option<String>,
    /// HTML for mail, text for SMS.
    pub(crate) body: String,
}

/// Why an order cannot be put into words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// The order carries an amount that its currency cannot have.
    #[error("the order's amounts cannot be shown")]
    Amount(#[source] kit::money::MoneyError),
    /// A template failed.
    #[error("a template failed")]
    Template(#[source] minijinja::Error),
}

/// The messages about an order: a mail always, an SMS when the customer has a phone.
pub(crate) fn drafts(kind: Kind, order: &Order, customer: &Customer) -> Result<Vec<Draft>, ContentError> {
    let view = View::new(order, customer)?;
    let (html, text, title) = match kind {
        Kind::OrderCreated => ("order_created.html", "order_created.txt", "Order Confirmation"),
        Kind::OrderShipped => ("order_shipped.html", "order_shipped.txt", "Order Shipped"),
    };
    let mut drafts = vec![Draft {
        channel: Channel::Email,
        recipient: customer.email.clone(),
        subject: Some(format!("{title} - #{}", view.number)),
        body: render(html, &view)?,
    }];
    if let Some(phone) = customer.phone.as_deref().filter(|phone| !phone.trim().is_empty()) {
        drafts.push(Draft {
            channel: Channel::Sms,
            recipient: phone.to_owned(),
            subject: None,
            body: render(text, &view)?,
        });
    }
    Ok(drafts)
}

/// The number that people see: the first eight characters of the identifier.
fn number(order: Uuid) -> String {
    order.to_string().chars().take(8).collect()
}

#[derive(Serialize)]
struct View<'a> {
    first_name: &'a str,
    number: String,
    items: Vec<Line<'a>>,
    total: String,
    currency: &'a str,
    address: &'a Address,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    quantity: u32,
    unit_price: String,
    subtotal: String,
}

impl<'a> View<'a> {
    fn new(order: &'a Order, customer: &'a Customer) -> Result<Self, ContentError> {
        let items = order
            .items
            .iter()
            .map(|item| {
                Ok(Line {
                    name: &item.product_name,
                    quantity: item.quantity,
                    unit_price: amount(item.unit_price, order.currency)?,
                    subtotal: amount(item.subtotal, order.currency)?,
                })
            })
            .collect::<Result<_, ContentError>>()?;
        Ok(Self {
            first_name: &customer.first_name,
            number: number(order.id),
            items,
            total: amount(order.total_amount, order.currency)?,
            currency: order.currency.code(),
            address: &order.shipping_address,
        })
    }
}

/// `50` dollars read `50.00`, `50` yen read `50`.
fn amount(amount: Amount, currency: Currency) -> Result<String, ContentError> {
    Ok(Money::from_amount(amount, currency).map_err(ContentError::Amount)?.amount().to_string())
}

/// Names ending in `.html` are escaped; a misspelt variable is an error, not an empty place in a mail.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in [
        ("order_created.html", include_str!("../../templates/order_created.html")),
        ("order_created.txt", include_str!("../../templates/order_created.txt")),
        ("order_shipped.html", include_str!("../../templates/order_shipped.html")),
        ("order_shipped.txt", include_str!("../../templates/order_shipped.txt")),
    ] {
        environment.add_template(name, source).expect("templates are compiled in every test run");
    }
    environment
});

fn render(template: &str, view: &View<'_>) -> Result<String, ContentError> {
    TEMPLATES
        .get_template(template)
        .and_then(|template| template.render(Value::from(Serde(view))))
        .map_err(ContentError::Template)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Order {
        serde_json::from_value(json!({
            "id": "b2c3d4e5-f6a7-8901-bcde-f12345678901",
            "user_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
            "status": "pending",
            "items": [
                {"product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "product_name": "Wireless Headphones",
                 "quantity": 2, "unit_price": 49.99, "subtotal": 99.98},
                {"product_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "product_name": "USB-C Cable",
                 "quantity": 1, "unit_price": 13, "subtotal": 13.0},
            ],
            "shipping_address": {"street": "742 Evergreen Terrace", "city": "Springfield", "state": "IL",
                                 "zip_code": "62704", "country": "US"},
            "total_amount": 112.98,
            "currency": "USD",
        }))
        .unwrap()
    }

    fn customer() -> Customer {
        Customer {
            email: "jane.doe@example.com".into(),
            first_name: "Jane".into(),
            phone: Some("+15551234567".into()),
        }
    }

    #[test]
    fn a_new_order_becomes_a_mail_and_a_text() {
        let drafts = drafts(Kind::OrderCreated, &order(), &customer()).unwrap();
        assert_eq!(drafts.len(), 2);
        assert_eq!(drafts[0].channel, Channel::Email);
        assert_eq!(drafts[0].recipient, "jane.doe@example.com");
        assert_eq!(drafts[0].subject.as_deref(), Some("Order Confirmation - #b2c3d4e5"));
        assert!(drafts[0].body.contains("<p>Your order #b2c3d4e5 has been placed.</p>"));
        assert!(drafts[0].body.contains("<td>USB-C Cable</td><td>1</td><td>13.00</td><td>13.00</td>"));
        assert!(drafts[0].body.contains("Springfield, IL 62704"));
        assert_eq!(drafts[1].channel, Channel::Sms);
        assert_eq!(drafts[1].recipient, "+15551234567");
        assert_eq!(drafts[1].subject, None);
        assert_eq!(drafts[1].body, "ShopFlow: your order #b2c3d4e5 has been placed. Total: 112.98 USD.");
    }

    #[test]
    fn a_shipped_order_has_words_of_its_own() {
        let drafts = drafts(Kind::OrderShipped, &order(), &customer()).unwrap();
        assert_eq!(drafts[0].subject.as_deref(), Some("Order Shipped - #b2c3d4e5"));
        assert!(drafts[0].body.contains("<li>2 × Wireless Headphones</li>"));
        assert_eq!(drafts[1].body, "ShopFlow: your order #b2c3d4e5 has been shipped.");
    }

    #[test]
    fn without_a_phone_there_is_no_text() {
        for phone in [None, Some(String::new()), Some(" ".into())] {
            let drafts = drafts(Kind::OrderCreated, &order(), &Customer { phone, ..customer() }).unwrap();
            assert_eq!(drafts.iter().map(|draft| draft.channel).collect::<Vec<_>>(), [Channel::Email]);
        }
    }

    #[test]
    fn what_customers_and_sellers_wrote_is_escaped() {
        let mut order = order();
        order.items[0].product_name = "<script>alert(1)</script>".into();
        order.shipping_address.street = "\"><img src=x>".into();
        let customer = Customer { first_name: "<b>Jane</b>".into(), ..customer() };
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let body = drafts(kind, &order, &customer).unwrap().remove(0).body;
            for raw in ["<script>", "<img", "<b>"] {
                assert!(!body.contains(raw), "{raw} in {body}");
            }
            assert!(body.contains("&lt;script&gt;"));
        }
    }

    #[test]
    fn an_address_without_a_state_leaves_no_gap() {
        let mut order = order();
        order.shipping_address.state = None;
        let body = drafts(Kind::OrderCreated, &order, &customer()).unwrap().remove(0).body;
        assert!(body.contains("<br>Springfield 62704<br>"), "{body}");
    }

    #[test]
    fn a_text_fits_one_sms() {
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let text = drafts(kind, &order(), &customer()).unwrap().remove(1).body;
            assert!(text.len() <= 160 && text.is_ascii());
        }
    }
}
