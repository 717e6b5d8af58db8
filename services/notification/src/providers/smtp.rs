//! Mail through an SMTP server: a relay of one's own, or Amazon SES by its SMTP interface.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as LettreTls, TlsParameters};
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use protocol::settings::Tls;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::credentials::CredentialsDir;
use super::{Message, Provider, SendError, Verdict, cause};
use crate::domain::Receipt;

const TIMEOUT: Duration = Duration::from_secs(10);
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// Reply codes that are not about the message: the server closes (RFC 5321 §4.2.3), or it does not accept our
/// credentials (RFC 4954 §6), which may be corrected.
const SERVER_CODES: [u16; 6] = [421, 454, 530, 534, 535, 538];

/// How to reach the server.
#[derive(Debug, Clone)]
pub(crate) struct SmtpSettings {
    /// Host name, also the name its certificate must carry.
    pub(crate) host: String,
    /// Port: 25 or 587, 465 for `tls`.
    pub(crate) port: u16,
    /// How the connection is protected.
    pub(crate) tls: Tls,
    /// The sender of every mail.
    pub(crate) from: Mailbox,
    /// Directory with the files `username` and `password`; without it the client does not authenticate.
    pub(crate) credentials_dir: Option<PathBuf>,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends mail by SMTP over pooled connections, rebuilt when the credentials change.
pub(crate) struct Smtp {
    settings: SmtpSettings,
    tls: LettreTls,
    credentials: Option<CredentialsDir>,
    current: Mutex<Option<Arc<Connected>>>,
}

struct Connected {
    login: Option<Login>,
    transport: Transport,
}

struct Login {
    username: SecretString,
    password: SecretString,
}

impl Login {
    fn same(&self, other: &Self) -> bool {
        self.username.expose_secret() == other.username.expose_secret()
            && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl Smtp {
    /// A client that connects when the first mail is sent.
    pub(crate) fn new(settings: SmtpSettings) -> Result<Self, lettre::transport::smtp::Error> {
        let tls = match settings.tls {
            Tls::None => LettreTls::None,
            Tls::Starttls => LettreTls::Required(TlsParameters::new(settings.host.clone())?),
            Tls::Tls => LettreTls::Wrapper(TlsParameters::new(settings.host.clone())?),
        };
        let credentials = settings.credentials_dir.as_deref().map(CredentialsDir::new);
        Ok(Self { settings, tls, credentials, current: Mutex::new(None) })
    }

    async fn login(&self) -> Result<Option<Login>, SendError> {
        let Some(credentials) = &self.credentials else {
            return Ok(None);
        };
        let username = credentials.read("username").await?;
        let password = credentials.read("password").await?;
        Ok(Some(Login { username, password }))
    }

    /// The pool for the credentials that are in the files now.
    async fn connected(&self) -> Result<Arc<Connected>, SendError> {
        let login = self.login().await?;
        let mut current = self.current.lock().await;
        if let Some(connected) = current.as_ref() {
            let same = match (&connected.login, &login) {
                (None, None) => true,
                (Some(old), Some(new)) => old.same(new),
                _ => false,
            };
            if same {
                return Ok(connected.clone());
            }
        }
        let connected = Arc::new(Connected { transport: self.transport(login.as_ref()), login });
        *current = Some(connected.clone());
        Ok(connected)
    }

    fn transport(&self, login: Option<&Login>) -> Transport {
        let builder = Transport::builder_dangerous(self.settings.host.clone())
            .port(self.settings.port)
            .tls(self.tls.clone())
            .timeout(Some(TIMEOUT));
        match login {
            Some(login) => builder.credentials(Credentials::new(
                login.username.expose_secret().to_owned(),
                login.password.expose_secret().to_owned(),
            )),
            None => builder,
        }
        .build()
    }

    /// `<notification id@sender's domain>`: the same for every attempt, so that a receiver can tell a repeat.
    fn message_id(&self, message: &Message) -> String {
        format!("<{}@{}>", message.id, self.settings.from.email.domain())
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, SendError> {
        let recipient = message
            .recipient
            .parse()
            .map_err(|_| SendError::refused("the recipient is not an e-mail address"))?;
        let builder = lettre::Message::builder()
            .from(self.settings.from.clone())
            .to(Mailbox::new(None, recipient))
            .subject(message.subject.clone().unwrap_or_default())
            .date(message.composed_at.into())
            .message_id(Some(self.message_id(message)))
            // Nobody's absence is answered to a machine (RFC 3834, 5).
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()));
        let html = message.body.clone();
        let mail = match message.plain_text.clone() {
            Some(plain_text) => builder.multipart(MultiPart::alternative_plain_html(plain_text, html)),
            None => builder.singlepart(SinglePart::html(html)),
        };
        mail.map_err(|error| SendError {
            words: Some(error.to_string()),
            ..SendError::refused("the mail cannot be composed")
        })
    }

    /// Why `error`, with the server's name; what the server said is kept aside.
    fn failure(&self, error: &lettre::transport::smtp::Error) -> SendError {
        let server = format!("SMTP {}:{}", self.settings.host, self.settings.port);
        let verdict = match error.status().map(u16::from) {
            Some(code) if SERVER_CODES.contains(&code) => Verdict::Unavailable,
            Some(400..500) => Verdict::Delayed,
            _ if error.is_permanent() => Verdict::Refused,
            _ => Verdict::Unavailable,
        };
        match error.status() {
            Some(code) => SendError {
                verdict,
                summary: format!("{server} answered {}", u16::from(code)),
                words: error.source().map(ToString::to_string),
            },
            None => SendError { verdict, summary: format!("{server}: {}", cause(error)), words: None },
        }
    }
}

#[async_trait]
impl Provider for Smtp {
    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let mail = self.mail(message)?;
        let connected = self.connected().await?;
        match connected.transport.send(mail).await {
            Ok(response) => {
                Ok(Receipt::Sent(reference(&response).unwrap_or_else(|| self.message_id(message))))
            }
            Err(error) => Err(self.failure(&error)),
        }
    }
}

/// The server's words of acceptance, which carry its queue id (`2.0.0 Ok: queued as 4Bxyz`).
fn reference(response: &Response) -> Option<String> {
    response.first_line().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::super::catcher::Catcher;
    use super::*;

    fn message(recipient: &str) -> Message {
        Message {
            id: "c3d4e5f6-a7b8-9012-cdef-123456789012".parse::<Uuid>().unwrap(),
            recipient: recipient.into(),
            subject: Some("Order Confirmation - #7K4M-9PR2-XHTF".into()),
            body: "<html><p>Your order has been placed.</p></html>".into(),
            plain_text: Some("Your order has been placed.".into()),
            composed_at: "2026-02-17T11:00:01.250Z".parse().unwrap(),
        }
    }

    fn smtp(catcher: &Catcher, tls: Tls, credentials: Option<&TempDir>) -> Smtp {
        smtp_at(catcher.port, tls, credentials)
    }

    fn smtp_at(port: u16, tls: Tls, credentials: Option<&TempDir>) -> Smtp {
        Smtp::new(settings(port, tls, credentials)).unwrap()
    }

    fn settings(port: u16, tls: Tls, credentials: Option<&TempDir>) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".into(),
            port,
            tls,
            from: "ShopFlow <noreply@shopflow.example>".parse().unwrap(),
            credentials_dir: credentials.map(|directory| directory.path().to_owned()),
        }
    }

    fn login(directory: &TempDir, password: &str) {
        std::fs::write(directory.path().join("username"), "shop\n").unwrap();
        std::fs::write(directory.path().join("password"), format!("{password}\n")).unwrap();
    }

    #[tokio::test]
    async fn a_mail_arrives_with_its_headers() {
        let catcher = Catcher::start().await;
        let reference = smtp(&catcher, Tls::None, None).send(&message("jane@example.com")).await.unwrap();
        assert_eq!(reference, Receipt::Sent("2.0.0 Ok: queued as C1".to_owned()));
        let mail = catcher.mails().remove(0);
        assert_eq!((mail.from.as_str(), mail.to.as_str()), ("noreply@shopflow.example", "jane@example.com"));
        assert_eq!(mail.header("To"), Some("jane@example.com"));
        assert_eq!(mail.header("Subject"), Some("Order Confirmation - #7K4M-9PR2-XHTF"));
        assert_eq!(mail.header("Date"), Some("Tue, 17 Feb 2026 11:00:01 +0000"));
        assert_eq!(mail.header("MIME-Version"), Some("1.0"));
        assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(mail.header("From"), Some("ShopFlow <noreply@shopflow.example>"));
        assert_eq!(
            mail.header("Message-ID"),
            Some("<c3d4e5f6-a7b8-9012-cdef-123456789012@shopflow.example>")
        );
    }

    #[tokio::test]
    async fn a_mail_has_its_plain_text_before_its_html() {
        let catcher = Catcher::start().await;
        smtp(&catcher, Tls::None, None).send(&message("jane@example.com")).await.unwrap();
        let mail = catcher.mails().remove(0);
        assert!(mail.header("Content-Type").unwrap().starts_with("multipart/alternative;"));
        let place = |text: &str| mail.data.find(text).unwrap_or_else(|| panic!("{text} in {}", mail.data));
        let places = [
            "Content-Type: text/plain; charset=utf-8",
            "\r\nYour order has been placed.",
            "Content-Type: text/html; charset=utf-8",
            "<p>Your order has been placed.</p>",
        ]
        .map(place);
        // RFC 2046, 5.1.4: what is preferred comes last.
        assert!(places.is_sorted(), "{places:?}");
    }

    #[tokio::test]
    async fn a_mail_that_an_earlier_release_queued_is_html_alone() {
        let catcher = Catcher::start().await;
        let message = Message { plain_text: None, ..message("jane@example.com") };
        smtp(&catcher, Tls::None, None).send(&message).await.unwrap();
        assert_eq!(catcher.mails()[0].header("Content-Type"), Some("text/html; charset=utf-8"));
    }

    #[tokio::test]
    async fn names_and_subjects_of_any_language_are_sent_as_ascii() {
        let catcher = Catcher::start().await;
        let mut settings = settings(catcher.port, Tls::None, None);
        settings.from = "Blåbær & Søn <post@shop.example>".parse().unwrap();
        let message = Message {
            subject: Some("Größe 42 für Zoë: ".repeat(8)),
            body: "<p>Grüße – 你好</p>".into(),
            plain_text: Some("Grüße – 你好".into()),
            ..message("jane@example.com")
        };
        Smtp::new(settings).unwrap().send(&message).await.unwrap();
        let mail = catcher.mails().remove(0);
        assert!(mail.data.is_ascii(), "{}", mail.data);
        let head = mail.data.split("\r\n\r\n").next().unwrap();
        // RFC 2047, 2: an encoded word has at most 75 characters, a line that holds one 76.
        assert!(head.lines().all(|line| line.len() <= 78), "{head}");
        assert!(head.contains("From: =?utf-8?b?") && head.contains("Subject: =?utf-8?b?"), "{head}");
        assert_eq!(mail.from, "post@shop.example");
    }

    #[tokio::test]
    async fn connections_are_used_again() {
        let catcher = Catcher::start().await;
        let smtp = smtp(&catcher, Tls::None, None);
        for _ in 0..5 {
            smtp.send(&message("jane@example.com")).await.unwrap();
        }
        assert_eq!(catcher.mails().len(), 5);
        // A connection returns to the pool a moment after its mail is sent.
        assert!(catcher.connections() < 5, "{} connections", catcher.connections());
    }

    #[tokio::test]
    async fn a_replaced_password_is_used_for_the_next_mail() {
        let catcher = Catcher::start().await;
        catcher.require("shop", "second");
        let credentials = TempDir::new().unwrap();
        login(&credentials, "first");
        let smtp = smtp(&catcher, Tls::None, Some(&credentials));
        let error = smtp.send(&message("jane@example.com")).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Unavailable, "a wrong password may be corrected: {error}");
        login(&credentials, "second");
        smtp.send(&message("jane@example.com")).await.unwrap();
        assert_eq!(catcher.mails()[0].login.as_deref(), Some("shop"));
    }

    #[tokio::test]
    async fn a_recipient_that_does_not_exist_is_refused_for_good() {
        let catcher = Catcher::start().await;
        catcher.refuse(["550 5.1.1 <nobody@example.com> no such mailbox"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("nobody@example.com")).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Refused);
        assert_eq!(error.words.as_deref(), Some("5.1.1 <nobody@example.com> no such mailbox"));
        let summary = format!("SMTP 127.0.0.1:{} answered 550", catcher.port);
        assert_eq!(error.to_string(), summary, "which names nobody");
        let error = smtp.send(&message("not an address\r\nBcc: x@example.com")).await.unwrap_err();
        assert_eq!((error.verdict, error.words), (Verdict::Refused, None));
        assert!(catcher.mails().is_empty());
    }

    #[tokio::test]
    async fn a_mailbox_that_is_busy_delays_its_own_mail_alone() {
        let catcher = Catcher::start().await;
        catcher.refuse(["451 4.3.0 try again later"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("jane@example.com")).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Delayed, "{error:?}");
        smtp.send(&message("jane@example.com")).await.unwrap();
        assert_eq!(catcher.mails().len(), 1);
    }

    #[tokio::test]
    async fn a_server_that_closes_takes_no_mail_at_all() {
        let catcher = Catcher::start().await;
        catcher.refuse(["421 4.3.2 service not available"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("jane@example.com")).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Unavailable, "{error:?}");
        assert_eq!(error.summary, format!("SMTP 127.0.0.1:{} answered 421", catcher.port));
    }

    #[tokio::test]
    async fn without_the_tls_that_was_asked_for_nothing_is_sent() {
        let catcher = Catcher::start().await;
        for tls in [Tls::Starttls, Tls::Tls] {
            let error = smtp(&catcher, tls, None).send(&message("jane@example.com")).await.unwrap_err();
            assert_eq!(error.verdict, Verdict::Unavailable, "{tls:?}");
        }
        assert!(catcher.mails().is_empty());
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_named_with_the_cause() {
        let error = smtp_at(1, Tls::None, None).send(&message("jane@example.com")).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Unavailable);
        assert_eq!(error.to_string(), "SMTP 127.0.0.1:1: connection refused");

        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let closing = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let error = smtp_at(port, Tls::None, None).send(&message("jane@example.com")).await.unwrap_err();
        closing.abort();
        assert_eq!(error.verdict, Verdict::Unavailable);
        assert!(error.to_string().starts_with(&format!("SMTP 127.0.0.1:{port}: ")), "{error}");
    }
}
