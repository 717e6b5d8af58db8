//! What an order's messages say.

use kit::money::{Amount, Currency, Money};
use serde::Serialize;
use url::Url;

use super::price::price;
use super::template::{TemplateError, render};
use super::{Address, Channel, Customer, Kind, Order, Shop};

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
    /// The same as `body` for programs that show no HTML; none for SMS.
    pub(crate) plain_text: Option<String>,
}

/// Why an order cannot be put into words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// The order carries an amount that its currency cannot have.
    #[error("the order's amounts cannot be shown")]
    Amount(#[source] kit::money::MoneyError),
    /// A template failed.
    #[error("a template failed")]
    Template(#[from] TemplateError),
}

/// The messages about an order that is known by `number`: a mail always, an SMS when the customer has a phone.
pub(crate) fn drafts(
    kind: Kind,
    shop: &Shop,
    number: &str,
    order: &Order,
    customer: &Customer,
) -> Result<Vec<Draft>, ContentError> {
    let title = match kind {
        Kind::OrderCreated => "Order Confirmation",
        Kind::OrderShipped => "Order Shipped",
    };
    let view = View::new(format!("{title} - #{number}"), shop, number, order, customer)?;
    let rendered = |extension| render(&format!("{}.{extension}", kind.as_str()), &view);
    let mut drafts = vec![Draft {
        channel: Channel::Email,
        recipient: customer.email.clone(),
        subject: Some(view.subject.clone()),
        body: rendered("html")?,
        plain_text: Some(rendered("txt")?),
    }];
    if let Some(phone) = customer.phone.as_deref().filter(|phone| !phone.trim().is_empty()) {
        drafts.push(Draft {
            channel: Channel::Sms,
            recipient: phone.to_owned(),
            subject: None,
            body: rendered("sms")?,
            plain_text: None,
        });
    }
    Ok(drafts)
}

/// What templates may show.
#[derive(Serialize)]
struct View<'a> {
    subject: String,
    shop: &'a Shop,
    /// Where the customer sees the order.
    link: Option<Url>,
    first_name: String,
    number: &'a str,
    items: Vec<Line>,
    total: String,
    /// As in `112.98 USD`: an SMS with a currency's sign may cost twice as much (3GPP TS 23.038).
    total_by_code: String,
    address: Address,
}

#[derive(Serialize)]
struct Line {
    name: String,
    quantity: u32,
    unit_price: String,
    subtotal: String,
}

impl<'a> View<'a> {
    fn new(
        subject: String,
        shop: &'a Shop,
        number: &'a str,
        order: &Order,
        customer: &Customer,
    ) -> Result<Self, ContentError> {
        let items = order
            .items
            .iter()
            .map(|item| {
                Ok(Line {
                    name: one_line(&item.product_name),
                    quantity: item.quantity,
                    unit_price: price(money(item.unit_price, order.currency)?),
                    subtotal: price(money(item.subtotal, order.currency)?),
                })
            })
            .collect::<Result<_, ContentError>>()?;
        let total = money(order.total_amount, order.currency)?;
        Ok(Self {
            subject,
            shop,
            link: shop.order_page(order.id),
            first_name: one_line(&customer.first_name),
            number,
            items,
            total: price(total),
            total_by_code: total.to_string(),
            address: on_lines_of_their_own(&order.shipping_address),
        })
    }
}

fn money(amount: Amount, currency: Currency) -> Result<Money, ContentError> {
    Money::from_amount(amount, currency).map_err(ContentError::Amount)
}

/// What people wrote, without the line breaks by which it could pass for a line of ours.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn on_lines_of_their_own(address: &Address) -> Address {
    Address {
        street: one_line(&address.street),
        city: one_line(&address.city),
        state: address.state.as_deref().map(one_line),
        zip_code: one_line(&address.zip_code),
        country: one_line(&address.country),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NUMBER: &str = "7K4M-9PR2-XHTF";

    fn shop() -> Shop {
        Shop { name: "Lighthouse & Sons".to_owned(), url: Some("https://shop.example".parse().unwrap()) }
    }

    fn order() -> Order {
        serde_json::from_value(json!({
            "id": "b2c3d4e5-f6a7-8901-bcde-f12345678901",
            "number": NUMBER,
            "user_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
            "status": "pending",
            "items": [
                {"product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "product_name": "Wireless Headphones",
                 "quantity": 2, "unit_price": 649.99, "subtotal": 1299.98},
                {"product_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "product_name": "USB-C Cable",
                 "quantity": 1, "unit_price": 13, "subtotal": 13.0},
            ],
            "shipping_address": {"street": "742 Evergreen Terrace", "city": "Springfield", "state": "IL",
                                 "zip_code": "62704", "country": "US"},
            "total_amount": 1312.98,
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

    fn mail(kind: Kind, shop: &Shop, order: &Order, customer: &Customer) -> Draft {
        drafts(kind, shop, NUMBER, order, customer).unwrap().remove(0)
    }

    fn sms(kind: Kind, shop: &Shop) -> String {
        drafts(kind, shop, NUMBER, &order(), &customer()).unwrap().remove(1).body
    }

    #[test]
    fn a_new_order_becomes_a_mail_and_a_text() {
        let drafts = drafts(Kind::OrderCreated, &shop(), NUMBER, &order(), &customer()).unwrap();
        let channels: Vec<Channel> = drafts.iter().map(|draft| draft.channel).collect();
        assert_eq!(channels, [Channel::Email, Channel::Sms]);
        assert_eq!(drafts[0].recipient, "jane.doe@example.com");
        assert_eq!(drafts[0].subject.as_deref(), Some("Order Confirmation - #7K4M-9PR2-XHTF"));
        assert!(drafts[0].body.contains("<p>Your order #7K4M-9PR2-XHTF has been placed.</p>"));
        assert_eq!((drafts[1].recipient.as_str(), &drafts[1].subject), ("+15551234567", &None));
        assert_eq!(
            drafts[1].body,
            "Lighthouse & Sons: your order #7K4M-9PR2-XHTF has been placed. Total: 1312.98 USD. \
             https://shop.example/account/orders/b2c3d4e5-f6a7-8901-bcde-f12345678901"
        );
    }

    #[test]
    fn a_mail_in_plain_text_says_what_the_other_part_says() {
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let plain_text = mail(kind, &shop(), &order(), &customer()).plain_text.unwrap();
            insta::assert_snapshot!(format!("{}.txt", kind.as_str()), plain_text);
        }
    }

    #[test]
    fn a_mail_looks_as_it_was_looked_at() {
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            insta::assert_snapshot!(
                format!("{}.html", kind.as_str()),
                mail(kind, &shop(), &order(), &customer()).body
            );
        }
    }

    #[test]
    fn a_shop_without_pages_sends_no_link() {
        let shop = Shop { url: None, ..shop() };
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let draft = mail(kind, &shop, &order(), &customer());
            for text in [draft.body, draft.plain_text.unwrap(), sms(kind, &shop)] {
                assert!(!text.contains("href") && !text.contains("://"), "{text}");
            }
        }
    }

    #[test]
    fn without_a_phone_there_is_no_text() {
        for phone in [None, Some(String::new()), Some(" ".into())] {
            let customer = Customer { phone, ..customer() };
            let drafts = drafts(Kind::OrderCreated, &shop(), NUMBER, &order(), &customer).unwrap();
            assert_eq!(drafts.iter().map(|draft| draft.channel).collect::<Vec<_>>(), [Channel::Email]);
        }
    }

    #[test]
    fn what_customers_and_sellers_wrote_is_escaped() {
        let mut order = order();
        order.items[0].product_name = "<script>alert(1)</script>".into();
        order.shipping_address.street = "\"><img src=x>".into();
        order.shipping_address.state = Some("<i>".into());
        let customer = Customer { first_name: "<b>Jane</b>".into(), ..customer() };
        let shop = Shop { name: "<u>Shop</u>".into(), url: None };
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let body = mail(kind, &shop, &order, &customer).body;
            for raw in ["<script>", "<img", "<b>", "<i>", "<u>"] {
                assert!(!body.contains(raw), "{raw} in {body}");
            }
            assert!(body.contains("&lt;script&gt;"));
        }
    }

    #[test]
    fn nobody_adds_a_line_to_a_mail_by_a_name() {
        let mut order = order();
        order.items[0].product_name = "Cable\nTotal: $0.01".into();
        let customer = Customer { first_name: "Jane\r\n\r\nPay at evil.example".into(), ..customer() };
        let plain_text = mail(Kind::OrderCreated, &shop(), &order, &customer).plain_text.unwrap();
        assert!(plain_text.lines().all(|line| !line.starts_with("Total: $0.01")), "{plain_text}");
        assert!(plain_text.lines().all(|line| !line.starts_with("Pay at")), "{plain_text}");
    }

    #[test]
    fn an_address_without_a_state_leaves_no_gap() {
        let mut order = order();
        order.shipping_address.state = None;
        let draft = mail(Kind::OrderCreated, &shop(), &order, &customer());
        assert!(draft.body.contains("<br>Springfield 62704<br>"), "{}", draft.body);
        assert!(draft.plain_text.unwrap().contains("\n  Springfield 62704\n"));
    }

    #[test]
    fn no_line_is_longer_than_a_mail_may_have() {
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let draft = mail(kind, &shop(), &order(), &customer());
            // RFC 5322, 2.1.1.
            for text in [draft.body, draft.plain_text.unwrap()] {
                assert!(text.lines().all(|line| line.len() <= 998));
            }
        }
    }

    #[test]
    fn a_text_fits_one_sms() {
        for kind in [Kind::OrderCreated, Kind::OrderShipped] {
            let text = sms(kind, &shop());
            assert!(text.len() <= 160 && text.is_ascii(), "{} {text}", text.len());
        }
    }
}
