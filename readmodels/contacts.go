package readmodels

import (
	"context"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Contact is a contact's record.
type Contact struct {
	ID        id.Contact       `json:"id"`
	Name      string           `json:"name"`
	TradeName string           `json:"tradeName,omitempty"`
	TaxID     string           `json:"taxId,omitempty"`
	Email     string           `json:"email,omitempty"`
	Phone     string           `json:"phone,omitempty"`
	Person    string           `json:"person,omitempty"`
	Address   document.Address `json:"address,omitzero"`
	Client    bool             `json:"client"`
	Supplier  bool             `json:"supplier"`
	Language  string           `json:"language,omitempty"` // empty: the account's

	Catalogue   bool          `json:"catalogue"`
	PriceList   id.ID         `json:"priceList,omitempty"`
	Methods     *[]string     `json:"methods,omitempty"` // nil: all of the account's
	Surcharge   bool          `json:"surcharge,omitempty"`
	Withholding money.Decimal `json:"withholding,omitzero"` // percent

	Access       []ContactLogin `json:"access,omitempty"`
	RegisteredAt time.Time      `json:"registeredAt"`
	ErasedAt     *time.Time     `json:"erasedAt,omitempty"` // all else is empty then
}

// ContactLogin is what a contact's record shows of a login.
type ContactLogin struct {
	ID          id.ID `json:"id"`
	Main        bool  `json:"main,omitempty"`
	HasPassword bool  `json:"hasPassword,omitempty"`
}

// HasPassword reports whether anybody of the contact can sign in.
func (c *Contact) HasPassword() bool {
	return slices.ContainsFunc(c.Access, func(l ContactLogin) bool { return l.HasPassword })
}

// Contacts holds one row a contact, under the contact's own id.
var Contacts = &Table[Contact]{
	Schema: Schema{
		Name: "contacts",
		Columns: []Column{
			{"name", Text},
			{"search", Text}, // name, trade name, tax id, email, person, town
			{"client", Int},
			{"supplier", Int},
			{"access", Int}, // 1: somebody can sign in
		},
		Indexes: []Index{{Name: "all_name", Columns: []string{"name"}, Wide: true}},
	},
	Values: func(c *Contact, dst []Value) []Value {
		search := strings.Join([]string{c.Name, c.TradeName, id.Fold(c.TaxID), c.TaxID, c.Email, c.Person, c.Address.City}, " ")
		return append(dst, T(Fold(c.Name)), T(Fold(search)), flag(c.Client), flag(c.Supplier), flag(c.HasPassword()))
	},
	Append: func(b []byte, c *Contact) []byte { return c.appendJSON(b) },
	Parse:  func(data []byte, c *Contact) error { return jsonv2.Unmarshal(data, c) },
}

// appendJSON appends what package json would write.
func (c *Contact) appendJSON(b []byte) []byte {
	b = appendEscaped(append(b, `{"id":`...), string(c.ID))
	b = appendEscaped(append(b, `,"name":`...), c.Name)
	b = appendEscapedField(b, "tradeName", c.TradeName)
	b = appendEscapedField(b, "taxId", c.TaxID)
	b = appendEscapedField(b, "email", c.Email)
	b = appendEscapedField(b, "phone", c.Phone)
	b = appendEscapedField(b, "person", c.Person)
	if c.Address != (document.Address{}) {
		b = appendAddress(appendName(b, "address"), &c.Address)
	}
	b = appendFlag(b, "client", c.Client)
	b = appendFlag(b, "supplier", c.Supplier)
	b = appendEscapedField(b, "language", c.Language)
	b = appendFlag(b, "catalogue", c.Catalogue)
	b = appendEscapedField(b, "priceList", string(c.PriceList))
	if c.Methods != nil {
		b = appendOther(b, "methods", c.Methods)
	}
	if c.Surcharge {
		b = appendFlag(b, "surcharge", true)
	}
	if !c.Withholding.IsZero() {
		b = appendOther(b, "withholding", c.Withholding)
	}
	for i := range c.Access {
		if i == 0 {
			b = append(appendName(b, "access"), '[')
		} else {
			b = append(b, ',')
		}
		l := &c.Access[i]
		b = appendEscaped(append(b, `{"id":`...), string(l.ID))
		if l.Main {
			b = appendFlag(b, "main", true)
		}
		if l.HasPassword {
			b = appendFlag(b, "hasPassword", true)
		}
		b = append(b, '}')
	}
	if len(c.Access) > 0 {
		b = append(b, ']')
	}
	b = appendTime(append(b, `,"registeredAt":`...), c.RegisteredAt)
	return append(appendMoment(b, "erasedAt", c.ErasedAt), '}')
}

// appendAddress appends an address that is not empty.
func appendAddress(b []byte, a *document.Address) []byte {
	start := len(b)
	b = appendEscapedField(b, "street", a.Street)
	b = appendEscapedField(b, "street2", a.Street2)
	b = appendEscapedField(b, "city", a.City)
	b = appendEscapedField(b, "postCode", a.PostCode)
	b = appendEscapedField(b, "region", a.Region)
	b = appendEscapedField(b, "country", a.Country)
	b[start] = '{' // for the comma before the first
	return append(b, '}')
}

func flag(b bool) Value {
	if b {
		return N(1)
	}
	return N(0)
}

// GetContact returns the view's own contact; NotFound where there is none.
func GetContact(ctx context.Context, v View) (Contact, error) {
	return Must(ctx, v, Contacts, string(v.Contact()))
}

// ContactNames returns the names of contacts, for staff's lists of documents, payments
// and conversations. An erased contact has none.
func ContactNames(ctx context.Context, v View, contacts ...id.Contact) (map[id.Contact]string, error) {
	names := map[id.Contact]string{}
	for _, c := range contacts {
		if _, known := names[c]; known {
			continue
		}
		row, _, err := Get(ctx, v.Of(c), Contacts, string(c))
		if err != nil {
			return nil, err
		}
		names[c] = row.Name
	}
	return names, nil
}

// ContactQuery asks for a page of contacts.
type ContactQuery struct {
	Search           string
	Client, Supplier bool  // only those that are
	Access           *bool // only those that can, or can't, sign in
	Desc             bool
	After            string
	Limit            int
}

// ListContacts returns the account's contacts by name. Staff's view only.
func ListContacts(ctx context.Context, v View, q ContactQuery) (Page[Contact], error) {
	return List(ctx, v, Contacts, Query{Index: "all_name", Where: q.where(), Desc: q.Desc, After: q.After, Limit: q.Limit})
}

// CountContacts returns how many contacts the query is about.
func CountContacts(ctx context.Context, v View, q ContactQuery) (int, error) {
	return Count(ctx, v, Contacts, q.where()...)
}

func (q *ContactQuery) where() []Cond {
	var w []Cond
	w = append(w, searching("search", q.Search)...)
	if q.Client {
		w = append(w, Where("client", Eq, N(1)))
	}
	if q.Supplier {
		w = append(w, Where("supplier", Eq, N(1)))
	}
	if q.Access != nil {
		w = append(w, Where("access", Eq, flag(*q.Access)))
	}
	return w
}

// Login is one person's credentials for a contact.
type Login struct {
	ID          id.ID      `json:"id"`
	Email       string     `json:"email"`
	Name        string     `json:"name,omitempty"`
	Role        string     `json:"role"` // full, approve, pay, order, read
	Main        bool       `json:"main"`
	HasPassword bool       `json:"hasPassword"`
	PasswordAt  *time.Time `json:"passwordAt,omitempty"` // when it was last set
	CreatedAt   time.Time  `json:"createdAt"`
	ViewedAt    *time.Time `json:"viewedAt,omitempty"` // when it last saw a document for the first time
}

// Logins holds one row a login, by id. A removed one is gone.
var Logins = &Table[Login]{
	Schema: Schema{Name: "logins"},
	Values: func(_ *Login, dst []Value) []Value { return dst },
	Append: func(b []byte, l *Login) []byte { return l.appendJSON(b) },
	Parse:  func(data []byte, l *Login) error { return jsonv2.Unmarshal(data, l) },
}

// appendJSON appends what package json would write.
func (l *Login) appendJSON(b []byte) []byte {
	b = appendEscaped(append(b, `{"id":`...), string(l.ID))
	b = appendEscaped(append(b, `,"email":`...), l.Email)
	b = appendEscapedField(b, "name", l.Name)
	b = appendEscaped(append(b, `,"role":`...), l.Role)
	b = appendFlag(b, "main", l.Main)
	b = appendFlag(b, "hasPassword", l.HasPassword)
	b = appendMoment(b, "passwordAt", l.PasswordAt)
	b = appendTime(append(b, `,"createdAt":`...), l.CreatedAt)
	return append(appendMoment(b, "viewedAt", l.ViewedAt), '}')
}

// ListLogins returns the contact's logins, the main one first.
func ListLogins(ctx context.Context, v View) ([]Login, error) {
	logins, err := all(List(ctx, v, Logins, Query{}))
	slices.SortStableFunc(logins, func(a, b Login) int {
		switch {
		case a.Main == b.Main:
			return 0
		case a.Main:
			return -1
		}
		return 1
	})
	return logins, err
}

// LinkLife is how long a document link opens its document without sign-in.
const LinkLife = 48 * time.Hour

// Link is an access link of one document.
type Link struct {
	ID        id.ID           `json:"id"`
	Document  id.ID           `json:"document"`
	Kind      document.Kind   `json:"kind"`
	SentTo    string          `json:"sentTo,omitempty"`
	SharedAt  time.Time       `json:"sharedAt"`
	By        event.ActorKind `json:"by"`
	ByID      string          `json:"byId,omitempty"`
	RevokedAt *time.Time      `json:"revokedAt,omitempty"`
	ClosedAt  *time.Time      `json:"closedAt,omitempty"` // a password was set: it asks for sign-in since
	ViewedAt  *time.Time      `json:"viewedAt,omitempty"` // when its holder first saw the document
}

// ExpiresAt is when the link ends by itself, for a contact without password.
func (l *Link) ExpiresAt() time.Time { return l.SharedAt.Add(LinkLife) }

// Links holds one row a link, by id.
var Links = &Table[Link]{
	Schema: Schema{
		Name:    "links",
		Columns: []Column{{"document", Text}, {"shared", Int}},
		Indexes: []Index{
			{Name: "document", Columns: []string{"document", "shared"}},
			{Name: "shared", Columns: []string{"shared"}},
		},
	},
	Values: func(l *Link, dst []Value) []Value {
		return append(dst, T(l.Document), N(l.SharedAt.UnixMilli()))
	},
	Append: func(b []byte, l *Link) []byte { return l.appendJSON(b) },
	Parse:  func(data []byte, l *Link) error { return jsonv2.Unmarshal(data, l) },
}

// appendJSON appends what package json would write.
func (l *Link) appendJSON(b []byte) []byte {
	b = appendEscaped(append(b, `{"id":`...), string(l.ID))
	b = appendEscaped(append(b, `,"document":`...), string(l.Document))
	b = appendEscaped(append(b, `,"kind":`...), string(l.Kind))
	b = appendEscapedField(b, "sentTo", l.SentTo)
	b = appendTime(append(b, `,"sharedAt":`...), l.SharedAt)
	b = appendEscaped(append(b, `,"by":`...), string(l.By))
	b = appendEscapedField(b, "byId", l.ByID)
	b = appendMoment(b, "revokedAt", l.RevokedAt)
	b = appendMoment(b, "closedAt", l.ClosedAt)
	return append(appendMoment(b, "viewedAt", l.ViewedAt), '}')
}

// ListLinks returns a page of the contact's links, newest first; of one document where
// doc is not empty.
func ListLinks(ctx context.Context, v View, doc id.ID, after string, limit int) (Page[Link], error) {
	q := Query{Index: "shared", Desc: true, After: after, Limit: limit}
	if doc != "" {
		q.Index, q.Where = "document", []Cond{Where("document", Eq, T(doc))}
	}
	return List(ctx, v, Links, q)
}

// ActorNames returns what to call the people and things behind activities, by actor id.
// A name that is not known (any more) is absent.
func ActorNames(ctx context.Context, v View, activities []Activity) (map[string]string, error) {
	names := map[string]string{}
	for i := range activities {
		a := &activities[i]
		if _, known := names[a.ActorID]; known {
			continue
		}
		name, err := actorName(ctx, v, a.Actor, a.ActorID)
		if err != nil {
			return nil, err
		}
		if name != "" {
			names[a.ActorID] = name
		}
	}
	return names, nil
}

func actorName(ctx context.Context, v View, kind event.ActorKind, actor string) (string, error) {
	switch kind {
	case event.ActorLogin:
		if v.all {
			return "", fault.New(fault.NotFound, "not_found")
		}
		l, _, err := Get(ctx, v, Logins, actor)
		if l.Name == "" {
			return l.Email, err
		}
		return l.Name, err
	case event.ActorStaff:
		s, _, err := Get(ctx, v.OfAccount(), Staff, actor)
		return s.Name, err
	default:
		return "", nil
	}
}
