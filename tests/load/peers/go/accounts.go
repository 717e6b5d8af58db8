package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/argon2"
)

type accounts struct {
	pool   *pgxpool.Pool
	tokens *tokens
}

func (a *accounts) routes(router gin.IRouter) {
	router.POST("/auth/register", a.register)
	router.POST("/auth/login", a.login)
	router.POST("/auth/validate", a.validate)
}

func (a *accounts) validate(c *gin.Context) {
	read, err := a.tokens.verify(c.Request)
	if err != nil {
		c.JSON(http.StatusUnauthorized, gin.H{"error": "invalid token"})
		return
	}
	c.JSON(http.StatusOK, gin.H{
		"valid": true, "user": gin.H{"id": read.Subject, "email": read.Email, "role": read.Role},
	})
}

type registration struct {
	Email     string  `json:"email" binding:"required,email,max=255"`
	Password  string  `json:"password" binding:"required,min=8,max=1024"`
	FirstName string  `json:"first_name" binding:"required,max=100"`
	LastName  string  `json:"last_name" binding:"required,max=100"`
	Phone     *string `json:"phone" binding:"omitempty,e164"`
}

func (a *accounts) register(c *gin.Context) {
	var body registration
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	var (
		id, role string
		created  time.Time
	)
	err := a.pool.QueryRow(c, `
		INSERT INTO users (email, password_hash, first_name, last_name, phone) VALUES ($1, $2, $3, $4, $5)
		RETURNING id, role, created_at`,
		body.Email, hash(body.Password), body.FirstName, body.LastName, body.Phone,
	).Scan(&id, &role, &created)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "23505":
		c.JSON(http.StatusConflict, gin.H{"error": "the address is registered"})
	case err != nil:
		c.Status(http.StatusInternalServerError)
	default:
		c.JSON(http.StatusCreated, gin.H{
			"id": id, "email": body.Email, "first_name": body.FirstName, "last_name": body.LastName,
			"phone": body.Phone, "role": role, "created_at": created,
		})
	}
}

type credentials struct {
	Email    string `json:"email" binding:"required"`
	Password string `json:"password" binding:"required"`
}

func (a *accounts) login(c *gin.Context) {
	var body credentials
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	var (
		id, stored, role string
		active           bool
	)
	err := a.pool.QueryRow(c, "SELECT id, password_hash, role, is_active FROM users WHERE email = $1", body.Email).
		Scan(&id, &stored, &role, &active)
	if err != nil || !matches(stored, body.Password) {
		c.JSON(http.StatusUnauthorized, gin.H{"error": "invalid credentials"})
		return
	}
	if !active {
		c.JSON(http.StatusForbidden, gin.H{"error": "the account is deactivated"})
		return
	}
	access, err := a.tokens.sign(id, body.Email, role, accessLife)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	refresh, err := a.tokens.sign(id, body.Email, role, refreshLife)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, gin.H{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": int(accessLife.Seconds()),
	})
}

// hash is argon2id with the parameters of ShopFlow's default: 19 MiB, two passes, one lane.
func hash(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return encode(salt) + "$" + encode(derive(password, salt))
}

func matches(stored, password string) bool {
	salt, sum, _ := strings.Cut(stored, "$")
	decoded, err := base64.RawStdEncoding.DecodeString(salt)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(sum), []byte(encode(derive(password, decoded)))) == 1
}

func derive(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, 2, 19_456, 1, 32)
}

func encode(bytes []byte) string { return base64.RawStdEncoding.EncodeToString(bytes) }
