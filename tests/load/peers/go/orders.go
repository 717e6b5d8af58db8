package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// batched sends the statements of a request in one exchange, which pgx offers and few use.
var batched = os.Getenv("BATCHED") != ""

type orders struct{ pool *pgxpool.Pool }

func (o *orders) routes(router gin.IRouter) {
	router.POST("/orders", o.place)
	router.GET("/orders", o.list)
}

type line struct {
	ProductID   string   `json:"product_id" binding:"required,uuid"`
	ProductName string   `json:"product_name" binding:"required,max=200"`
	Quantity    int      `json:"quantity" binding:"required,min=1,max=10000"`
	UnitPrice   float64  `json:"unit_price" binding:"required,gt=0,lt=1000000"`
	Subtotal    *float64 `json:"subtotal" binding:"isdefault"`
}

type address struct {
	Street  string  `json:"street" binding:"required,max=200"`
	City    string  `json:"city" binding:"required,max=100"`
	State   *string `json:"state,omitempty" binding:"required_if=Country US,omitempty,max=100"`
	ZipCode string  `json:"zip_code" binding:"required,max=20"`
	Country string  `json:"country" binding:"required,iso3166_1_alpha2"`
}

type placement struct {
	Items           []line  `json:"items" binding:"required,min=1,max=200,dive"`
	ShippingAddress address `json:"shipping_address" binding:"required"`
	Currency        string  `json:"currency" binding:"omitempty,iso4217"`
	Notes           *string `json:"notes" binding:"omitempty,max=500"`
}

type order struct {
	ID              uuid.UUID  `json:"id"`
	UserID          string     `json:"user_id"`
	Status          string     `json:"status"`
	Items           []line     `json:"items"`
	ShippingAddress address    `json:"shipping_address"`
	TotalAmount     float64    `json:"total_amount"`
	Currency        string     `json:"currency"`
	Notes           *string    `json:"notes"`
	ConfirmedAt     *time.Time `json:"confirmed_at"`
	ShippedAt       *time.Time `json:"shipped_at"`
	DeliveredAt     *time.Time `json:"delivered_at"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
}

func (o *orders) place(c *gin.Context) {
	var body placement
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	placed, err := body.order(caller(c).Subject, time.Now().UTC().Truncate(time.Millisecond))
	if err == nil {
		err = o.insert(c, placed)
	}
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusCreated, placed)
}

// order computes the amounts in cents, so that no rounding error adds up.
func (p placement) order(user string, now time.Time) (*order, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	var total int64
	for i := range p.Items {
		item := &p.Items[i]
		cents := int64(math.Round(item.UnitPrice*100)) * int64(item.Quantity)
		subtotal := float64(cents) / 100
		item.Subtotal = &subtotal
		total += cents
	}
	if p.Currency == "" {
		p.Currency = "USD"
	}
	return &order{
		ID: id, UserID: user, Status: "pending", Items: p.Items, ShippingAddress: p.ShippingAddress,
		TotalAmount: float64(total) / 100, Currency: p.Currency, Notes: p.Notes, CreatedAt: now, UpdatedAt: now,
	}, nil
}

const (
	insertOrder = `
		INSERT INTO orders (id, user_id, status, items, shipping_address, total_amount, currency, notes, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`
	insertHistory = `INSERT INTO order_history (order_id, to_status, actor, at) VALUES ($1, $2, $3, $4)`
)

// insert writes the order and its first state in one transaction.
func (o *orders) insert(ctx context.Context, placed *order) error {
	items, err := json.Marshal(placed.Items)
	if err != nil {
		return err
	}
	row := []any{
		placed.ID, placed.UserID, placed.Status, items, placed.ShippingAddress, placed.TotalAmount, placed.Currency,
		placed.Notes, placed.CreatedAt,
	}
	history := []any{placed.ID, placed.Status, placed.UserID, placed.CreatedAt}
	if batched {
		// Statements between two synchronisations of the protocol are one transaction.
		batch := &pgx.Batch{}
		batch.Queue(insertOrder, row...)
		batch.Queue(insertHistory, history...)
		return o.pool.SendBatch(ctx, batch).Close()
	}
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, insertOrder, row...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertHistory, history...)
		return err
	})
}

type listQuery struct {
	Page    int    `form:"page,default=1" binding:"min=1"`
	Limit   int    `form:"limit,default=20" binding:"min=1,max=100"`
	Status  string `form:"status" binding:"omitempty,oneof=pending confirmed shipped delivered"`
	SortBy  string `form:"sort_by,default=created_at" binding:"oneof=created_at updated_at total_amount status"`
	SortDir string `form:"sort_dir,default=desc" binding:"oneof=asc desc"`
}

type summary struct {
	ID          uuid.UUID `json:"id"`
	Status      string    `json:"status"`
	TotalAmount float64   `json:"total_amount"`
	Currency    string    `json:"currency"`
	CreatedAt   time.Time `json:"created_at"`
}

func (o *orders) list(c *gin.Context) {
	var query listQuery
	if err := c.ShouldBindQuery(&query); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	total, page, err := o.find(c, caller(c).Subject, query)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, gin.H{
		"data": page,
		"pagination": gin.H{
			"page": query.Page, "limit": query.Limit, "total_items": total,
			"total_pages": (total + query.Limit - 1) / query.Limit,
		},
	})
}

func (o *orders) find(ctx context.Context, user string, q listQuery) (total int, page []summary, err error) {
	const wanted = " FROM orders WHERE user_id = $1 AND ($2 = '' OR status = $2)"
	count, parameters := "SELECT count(*)"+wanted, []any{user, q.Status}
	// Column and direction are each one of a few names that were checked.
	rows := "SELECT id, status, total_amount::float8, currency, created_at" + wanted +
		" ORDER BY " + q.SortBy + " " + q.SortDir + ", id " + q.SortDir + " LIMIT $3 OFFSET $4"
	part := append(parameters[:2:2], q.Limit, (q.Page-1)*q.Limit)
	if batched {
		batch := &pgx.Batch{}
		batch.Queue(count, parameters...)
		batch.Queue(rows, part...)
		results := o.pool.SendBatch(ctx, batch)
		err = results.QueryRow().Scan(&total)
		if err == nil {
			page, err = collect(results.Query())
		}
		return total, page, errors.Join(err, results.Close())
	}
	if err := o.pool.QueryRow(ctx, count, parameters...).Scan(&total); err != nil {
		return 0, nil, err
	}
	page, err = collect(o.pool.Query(ctx, rows, part...))
	return total, page, err
}

func collect(rows pgx.Rows, err error) ([]summary, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (summary, error) {
		var read summary
		err := row.Scan(&read.ID, &read.Status, &read.TotalAmount, &read.Currency, &read.CreatedAt)
		return read, err
	})
}
