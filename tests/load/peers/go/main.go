// A peer for comparison: the auth and order service with gin and pgx, as a careful developer would write them.
// ../README.md says what it does and what it leaves out.
package main

import (
	"context"
	"log"
	"net"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	pool, err := connect(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := loadTokens()
	if err != nil {
		log.Fatal(err)
	}
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/health", func(c *gin.Context) { c.JSON(200, gin.H{"status": "ok"}) })
	switch service := os.Getenv("SERVICE"); service {
	case "auth":
		(&accounts{pool, tokens}).routes(router)
	case "order":
		(&orders{pool}).routes(router.Group("/", tokens.required))
	default:
		log.Fatalf("SERVICE is %q, not auth or order", service)
	}
	if err := router.Run(net.JoinHostPort("127.0.0.1", os.Getenv("PORT"))); err != nil {
		log.Fatal(err)
	}
}

func connect(url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 10
	return pgxpool.NewWithConfig(context.Background(), config)
}
