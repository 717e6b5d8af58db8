package contenders

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"time"
)

// What the peers' tokens say, in the form of ShopFlow's own.
const (
	issuer      = "https://shop.local"
	audience    = "shopflow"
	keyID       = "bench-1"
	tokenType   = "at+jwt"
	tokenLife   = time.Hour
	customer    = "customer"
	sessionID   = "0198c2a4-8f5e-7c3a-9d41-2b6e5f708192"
	tokenSerial = "0198c2a4-8f5e-7c3a-9d41-"
)

// sharedSecret is the variable of peers that are to use HS256 instead of EdDSA.
const sharedSecret = "SHARED_SECRET"

// signer signs the tokens with which peers are asked, and keeps the files of its keys.
type signer struct {
	key                   ed25519.PrivateKey
	publicKey, privateKey string
	// secret makes it sign with HS256.
	secret string
}

// newSigner makes a key, and writes both halves into the folder as PEM.
func newSigner(folder string) (*signer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	made := &signer{key: private, publicKey: filepath.Join(folder, "public.pem"), privateKey: filepath.Join(folder, "private.pem")}
	publicBytes, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	privateBytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicBytes})
	if err := writeKey(made.publicKey, publicPEM); err != nil {
		return nil, err
	}
	privatePEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateBytes})
	return made, writeKey(made.privateKey, privatePEM)
}

// sign gives every user a new token.
func (s *signer) sign(users []User) error {
	for n := range users {
		token, err := s.token(users[n], time.Now())
		if err != nil {
			return err
		}
		users[n].Token = token
	}
	return nil
}

func (s *signer) token(user User, now time.Time) (string, error) {
	algorithm := "EdDSA"
	if s.secret != "" {
		algorithm = "HS256"
	}
	header, err := json.Marshal(map[string]string{"alg": algorithm, "typ": tokenType, "kid": keyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": issuer, "aud": audience, "sub": user.ID, "email": user.Email, "role": customer,
		"sid": sessionID, "jti": tokenSerial + rand.Text()[:12],
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := encode(header) + "." + encode(claims)
	return signed + "." + encode(s.signature([]byte(signed))), nil
}

func (s *signer) signature(text []byte) []byte {
	if s.secret == "" {
		return ed25519.Sign(s.key, text)
	}
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write(text)
	return mac.Sum(nil)
}

func encode(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }
