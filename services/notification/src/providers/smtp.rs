//! Mail through an SMTP server: a relay of one's own, or Amazon SES by its SMTP interface.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as LettreTls, TlsParameters};
use lettre::transport::smtp::response::Response;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use protocol::settings::Tls;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::credentials::CredentialsDir;
use super::{Message, Provider, SendError};

const TIMEOUT: Duration = Duration::from_secs(10);

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
            .map_err(|_| SendError::Refused("the recipient is not an e-mail address".to_owned()))?;
        lettre::Message::builder()
            .from(self.settings.from.clone())
            .to(Mailbox::new(None, recipient))
            .subject(message.subject.clone().unwrap_or_default())
            .message_id(Some(self.message_id(message)))
            .singlepart(SinglePart::html(message.body.clone()))
            .map_err(|error| SendError::Refused(format!("the mail cannot be composed: {error}")))
    }
}

#[async_trait]
impl Provider for Smtp {
    async fn send(&self, message: &Message) -> Result<String, SendError> {
        let mail = self.mail(message)?;
        let connected = self.connected().await?;
        match connected.transport.send(mail).await {
            Ok(response) => Ok(reference(&response).unwrap_or_else(|| self.message_id(message))),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// The server's words of acceptance, which carry its queue id (`2.0.0 Ok: queued as 4Bxyz`).
fn reference(response: &Response) -> Option<String> {
    response.first_line().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

fn failure(error: &lettre::transport::smtp::Error) -> SendError {
    let text = full_text(error);
    match error.status().map(u16::from) {
        Some(code) if SERVER_CODES.contains(&code) => SendError::Unavailable(text),
        Some(400..500) => SendError::Delayed(text),
        _ if error.is_permanent() => SendError::Refused(text),
        _ => SendError::Unavailable(text),
    }
}

/// The error with its sources, where lettre keeps the server's words.
fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = cause.source();
    }
    text
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
            subject: Some("Order Confirmation - #b2c3d4e5".into()),
            body: "<html><p>Your order #b2c3d4e5 has been placed.</p></html>".into(),
        }
    }

    fn smtp(catcher: &Catcher, tls: Tls, credentials: Option<&TempDir>) -> Smtp {
        smtp_at(catcher.port, tls, credentials)
    }

    fn smtp_at(port: u16, tls: Tls, credentials: Option<&TempDir>) -> Smtp {
        Smtp::new(SmtpSettings {
            host: "127.0.0.1".into(),
            port,
            tls,
            from: "ShopFlow <noreply@shopflow.example>".parse().unwrap(),
            credentials_dir: credentials.map(|directory| directory.path().to_owned()),
        })
        .unwrap()
    }

    fn login(directory: &TempDir, password: &str) {
        std::fs::write(directory.path().join("username"), "shop\n").unwrap();
        std::fs::write(directory.path().join("password"), format!("{password}\n")).unwrap();
    }

    #[tokio::test]
    async fn a_mail_arrives_with_its_headers() {
        let catcher = Catcher::start().await;
        let reference = smtp(&catcher, Tls::None, None).send(&message("jane@example.com")).await.unwrap();
        assert!(reference.contains("queued as C1"), "{reference}");
        let mail = catcher.mails().remove(0);
        assert_eq!((mail.from.as_str(), mail.to.as_str()), ("noreply@shopflow.example", "jane@example.com"));
        assert_eq!(mail.header("Subject"), Some("Order Confirmation - #b2c3d4e5"));
        assert_eq!(mail.header("From"), Some("ShopFlow <noreply@shopflow.example>"));
        assert_eq!(mail.header("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(
            mail.header("Message-ID"),
            Some("<c3d4e5f6-a7b8-9012-cdef-123456789012@shopflow.example>")
        );
        assert!(mail.data.contains("<p>Your order #b2c3d4e5 has been placed.</p>"));
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
        assert!(matches!(error, SendError::Unavailable(_)), "a wrong password may be corrected: {error}");
        login(&credentials, "second");
        smtp.send(&message("jane@example.com")).await.unwrap();
        assert_eq!(catcher.mails()[0].login.as_deref(), Some("shop"));
    }

    #[tokio::test]
    async fn a_recipient_that_does_not_exist_is_refused_for_good() {
        let catcher = Catcher::start().await;
        catcher.refuse(["550 5.1.1 no such mailbox"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("nobody@example.com")).await.unwrap_err();
        assert!(matches!(error, SendError::Refused(_)));
        assert!(error.to_string().contains("no such mailbox"), "{error}");
        let error = smtp.send(&message("not an address\r\nBcc: x@example.com")).await.unwrap_err();
        assert!(matches!(error, SendError::Refused(_)));
        assert!(catcher.mails().is_empty());
    }

    #[tokio::test]
    async fn a_mailbox_that_is_busy_delays_its_own_mail_alone() {
        let catcher = Catcher::start().await;
        catcher.refuse(["451 4.3.0 try again later"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("jane@example.com")).await.unwrap_err();
        assert!(matches!(error, SendError::Delayed(_)), "{error:?}");
        smtp.send(&message("jane@example.com")).await.unwrap();
        assert_eq!(catcher.mails().len(), 1);
    }

    #[tokio::test]
    async fn a_server_that_closes_takes_no_mail_at_all() {
        let catcher = Catcher::start().await;
        catcher.refuse(["421 4.3.2 service not available"]);
        let smtp = smtp(&catcher, Tls::None, None);
        let error = smtp.send(&message("jane@example.com")).await.unwrap_err();
        assert!(matches!(error, SendError::Unavailable(_)), "{error:?}");
    }

    #[tokio::test]
    async fn without_the_tls_that_was_asked_for_nothing_is_sent() {
        let catcher = Catcher::start().await;
        for tls in [Tls::Starttls, Tls::Tls] {
            let error = smtp(&catcher, tls, None).send(&message("jane@example.com")).await.unwrap_err();
            assert!(matches!(error, SendError::Unavailable(_)), "{tls:?}");
        }
        assert!(catcher.mails().is_empty());
    }

    #[tokio::test]
    async fn a_server_that_does_not_listen_is_unavailable() {
        let error = smtp_at(1, Tls::None, None).send(&message("jane@example.com")).await.unwrap_err();
        assert!(matches!(error, SendError::Unavailable(_)));
    }
}
