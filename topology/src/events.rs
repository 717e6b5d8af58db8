//! Subjects of events. Streams name some that no service publishes yet, so that whoever begins to publish
//! them finds a stream that stores them already.

/// Dotted name of an event, such as `order.created`.
pub type Subject = &'static str;

/// A user registered.
pub const USER_REGISTERED: Subject = "user.registered";
/// A user proved to own the e-mail address.
pub const USER_VERIFIED: Subject = "user.verified";
/// A user asked for a new password.
pub const USER_PASSWORD_RESET_REQUESTED: Subject = "user.password_reset_requested";
/// A user asked for another verification mail.
pub const USER_VERIFICATION_REQUESTED: Subject = "user.verification_requested";
/// A user wants another e-mail address.
pub const USER_EMAIL_CHANGE_REQUESTED: Subject = "user.email_change_requested";
/// A profile or role changed.
pub const USER_UPDATED: Subject = "user.updated";
/// An account may not be used any more.
pub const USER_DEACTIVATED: Subject = "user.deactivated";
/// A user was purged.
pub const USER_DELETED: Subject = "user.deleted";
/// A user asked for everything that is stored about them.
pub const USER_EXPORT_REQUESTED: Subject = "user.export_requested";

/// An order was placed.
pub const ORDER_CREATED: Subject = "order.created";
/// An order was confirmed.
pub const ORDER_CONFIRMED: Subject = "order.confirmed";
/// An order left.
pub const ORDER_SHIPPED: Subject = "order.shipped";
/// An order arrived.
pub const ORDER_DELIVERED: Subject = "order.delivered";
/// An order was cancelled.
pub const ORDER_CANCELLED: Subject = "order.cancelled";
/// An order went from one status to another.
pub const ORDER_STATUS_UPDATED: Subject = "order.status_updated";
/// Lines of an order came back.
pub const ORDER_RETURNED: Subject = "order.returned";
/// A product was put into a cart.
pub const CART_ITEM_ADDED: Subject = "cart.item_added";
