package main

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
)

const (
	accessLife  = time.Hour
	refreshLife = 30 * 24 * time.Hour
	tokenType   = "at+jwt"
)

// claims of an access token.
type claims struct {
	jwt.RegisteredClaims
	Email string `json:"email"`
	Role  string `json:"role"`
}

type tokens struct {
	parser           *jwt.Parser
	public           ed25519.PublicKey
	private          ed25519.PrivateKey
	keyID            string
	issuer, audience string
}

func loadTokens() (*tokens, error) {
	loaded := &tokens{keyID: os.Getenv("KEY_ID"), issuer: os.Getenv("ISSUER"), audience: os.Getenv("AUDIENCE")}
	loaded.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(loaded.issuer), jwt.WithAudience(loaded.audience),
		jwt.WithExpirationRequired(),
	)
	text, err := os.ReadFile(os.Getenv("PUBLIC_KEY"))
	if err != nil {
		return nil, err
	}
	public, err := jwt.ParseEdPublicKeyFromPEM(text)
	if err != nil {
		return nil, err
	}
	loaded.public = public.(ed25519.PublicKey)
	if path := os.Getenv("PRIVATE_KEY"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		private, err := jwt.ParseEdPrivateKeyFromPEM(text)
		if err != nil {
			return nil, err
		}
		loaded.private = private.(ed25519.PrivateKey)
	}
	return loaded, nil
}

// key finds the key of a token, which must be of the right type.
func (t *tokens) key(token *jwt.Token) (any, error) {
	if token.Header["typ"] != tokenType || token.Header["kid"] != t.keyID {
		return nil, errors.New("not one of our tokens")
	}
	return t.public, nil
}

func (t *tokens) verify(request *http.Request) (*claims, error) {
	token, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !found {
		return nil, errors.New("no bearer token")
	}
	var read claims
	_, err := t.parser.ParseWithClaims(token, &read, t.key)
	return &read, err
}

// required refuses requests without a valid token.
func (t *tokens) required(c *gin.Context) {
	read, err := t.verify(c.Request)
	if err != nil {
		c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "invalid token"})
		return
	}
	c.Set("claims", read)
}

func caller(c *gin.Context) *claims { return c.MustGet("claims").(*claims) }

func (t *tokens) sign(id, email, role string, life time.Duration) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{t.audience}, Subject: id,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
		Email: email, Role: role,
	})
	token.Header["typ"], token.Header["kid"] = tokenType, t.keyID
	return token.SignedString(t.private)
}
