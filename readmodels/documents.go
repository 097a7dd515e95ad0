package readmodels

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Status is where a document stands.
type Status string

// The states, by kind of document.
const (
	// Quotes.
	StatusPending          Status = "pending"
	StatusChangesRequested Status = "changes_requested" // still open
	StatusApproved         Status = "approved"
	StatusDeclined         Status = "declined"
	StatusExpired          Status = "expired"
	StatusSuperseded       Status = "superseded"
	StatusWithdrawn        Status = "withdrawn" // also delivery notes and proformas

	// Invoices.
	StatusOpen      Status = "open"
	StatusPartPaid  Status = "part_paid"
	StatusPaid      Status = "paid" // nothing is owed: paid or credited
	StatusCancelled Status = "cancelled"

	// Sales orders; cancelled too.
	StatusPlaced      Status = "placed" // by the contact or for it, not yet confirmed
	StatusConfirmed   Status = "confirmed"
	StatusRejected    Status = "rejected"
	StatusPartShipped Status = "part_shipped"
	StatusShipped     Status = "shipped"
	StatusFulfilled   Status = "fulfilled"

	// Purchase orders; confirmed, rejected and cancelled too.
	StatusSent Status = "sent"

	// Delivery notes, proformas, credit notes.
	StatusIssued Status = "issued"
)

// Statuses returns the states that documents of the kind can be in.
func Statuses(k document.Kind) []Status {
	switch k {
	case document.Quote:
		return []Status{StatusPending, StatusChangesRequested, StatusApproved, StatusDeclined, StatusExpired, StatusSuperseded, StatusWithdrawn}
	case document.Invoice:
		return []Status{StatusOpen, StatusPartPaid, StatusPaid, StatusCancelled}
	case document.SalesOrder:
		return []Status{StatusPlaced, StatusConfirmed, StatusRejected, StatusPartShipped, StatusShipped, StatusFulfilled, StatusCancelled}
	case document.PurchaseOrder:
		return []Status{StatusSent, StatusConfirmed, StatusRejected, StatusCancelled}
	case document.DeliveryNote, document.Proforma:
		return []Status{StatusIssued, StatusWithdrawn}
	case document.CreditNote:
		return []Status{StatusIssued}
	}
	return nil
}

// Document is a document as lists show it. What is inside it, Bodies reads.
type Document struct {
	ID          id.ID          `json:"id"`
	Kind        document.Kind  `json:"kind"`
	Number      string         `json:"number"`
	Title       string         `json:"title,omitempty"`
	IssueDate   document.Date  `json:"issueDate"`
	DueDate     document.Date  `json:"dueDate,omitempty"`
	ValidUntil  document.Date  `json:"validUntil,omitempty"`
	DeliveryOn  document.Date  `json:"deliveryDate,omitempty"` // as confirmed
	Net         money.Money    `json:"net"`
	Total       money.Money    `json:"total"`   // gross
	Payable     money.Money    `json:"payable"` // at issue
	Outstanding money.Money    `json:"outstanding,omitzero"`
	Lines       int            `json:"lines"`
	Status      Status         `json:"status"`
	Hash        string         `json:"hash"`             // content hash: what an approval must name
	Placed      bool           `json:"placed,omitempty"` // by the contact, in the portal
	PaidOn      document.Date  `json:"paidOn,omitempty"`
	Position    event.Position `json:"position"` // of the newest event that changed this row

	Comments      int `json:"comments,omitempty"`
	UnreadContact int `json:"unreadContact,omitempty"` // comments that the contact has not seen
	UnreadStaff   int `json:"unreadStaff,omitempty"`

	Supersedes    id.ID   `json:"supersedes,omitempty"`
	SupersededBy  id.ID   `json:"supersededBy,omitempty"`
	Order         id.ID   `json:"order,omitempty"` // of a delivery note
	DeliveryNotes []id.ID `json:"deliveryNotes,omitempty"`
	Corrects      []id.ID `json:"corrects,omitempty"` // of a credit note
	CreditNotes   []id.ID `json:"creditNotes,omitempty"`
	Payments      []id.ID `json:"payments,omitempty"` // that were set out for it, oldest first

	Timeline Entries `json:"-"`
}

// appendJSON appends what package json would write, four times as fast: there are more
// documents than anything else.
func (d *Document) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"id":`...), string(d.ID))
	b = appendText(append(b, `,"kind":`...), string(d.Kind))
	b = appendText(append(b, `,"number":`...), d.Number)
	b = appendField(b, "title", d.Title)
	b = appendText(append(b, `,"issueDate":`...), string(d.IssueDate))
	b = appendField(b, "dueDate", string(d.DueDate))
	b = appendField(b, "validUntil", string(d.ValidUntil))
	b = appendField(b, "deliveryDate", string(d.DeliveryOn))
	b = appendMoney(append(b, `,"net":`...), d.Net)
	b = appendMoney(append(b, `,"total":`...), d.Total)
	b = appendMoney(append(b, `,"payable":`...), d.Payable)
	if !d.Outstanding.IsZero() {
		b = appendMoney(append(b, `,"outstanding":`...), d.Outstanding)
	}
	b = strconv.AppendInt(append(b, `,"lines":`...), int64(d.Lines), 10)
	b = appendText(append(b, `,"status":`...), string(d.Status))
	b = appendText(append(b, `,"hash":`...), d.Hash)
	if d.Placed {
		b = append(b, `,"placed":true`...)
	}
	b = appendField(b, "paidOn", string(d.PaidOn))
	b = strconv.AppendUint(append(b, `,"position":`...), uint64(d.Position), 10)
	b = appendCount(b, "comments", d.Comments)
	b = appendCount(b, "unreadContact", d.UnreadContact)
	b = appendCount(b, "unreadStaff", d.UnreadStaff)
	b = appendField(b, "supersedes", string(d.Supersedes))
	b = appendField(b, "supersededBy", string(d.SupersededBy))
	b = appendField(b, "order", string(d.Order))
	b = appendIDs(b, "deliveryNotes", d.DeliveryNotes)
	b = appendIDs(b, "corrects", d.Corrects)
	b = appendIDs(b, "creditNotes", d.CreditNotes)
	b = appendIDs(b, "payments", d.Payments)
	return append(b, '}')
}

// Currency returns the document's currency.
func (d *Document) Currency() string { return d.Total.Currency }

// Overdue reports whether something is owed whose day has passed.
func (d *Document) Overdue(today document.Date) bool {
	return d.Owed() && d.DueDate != "" && d.DueDate < today
}

// Owed reports whether the document asks for money that is not there yet: an invoice
// until it is paid, an order until it is delivered (from then on its invoice asks).
func (d *Document) Owed() bool {
	return d.Kind.Payable() && d.Outstanding.Minor > 0 && slices.Contains(owedStatuses(d.Kind), d.Status)
}

// StatusOn is the status as it counts on a day: a quote past its valid-until day is
// expired, whether or not the sweep that records it has run.
func (d *Document) StatusOn(today document.Date) Status {
	if d.Kind == document.Quote && d.openQuote() && d.ValidUntil != "" && d.ValidUntil < today {
		return StatusExpired
	}
	return d.Status
}

// Answerable reports whether the contact can approve or decline it.
func (d *Document) Answerable(today document.Date) bool {
	switch d.Kind {
	case document.Quote:
		return d.openQuote() && d.StatusOn(today) == d.Status
	case document.PurchaseOrder:
		return d.Status == StatusSent
	default:
		return false
	}
}

func (d *Document) openQuote() bool {
	return d.Status == StatusPending || d.Status == StatusChangesRequested
}

func owedStatuses(k document.Kind) []Status {
	switch k {
	case document.Invoice:
		return []Status{StatusOpen, StatusPartPaid}
	case document.SalesOrder:
		return []Status{StatusPlaced, StatusConfirmed, StatusPartShipped, StatusShipped}
	default:
		return nil
	}
}

// noDue sorts documents without a due day behind all others.
const noDue = document.Date("9999-12-31")

// Due is the day that counts for acting on it: a quote's valid-until, else the due
// day, and a day beyond all others where none is stated.
func (d *Document) Due() document.Date {
	switch {
	case d.Kind == document.Quote && d.ValidUntil != "":
		return d.ValidUntil
	case d.Kind != document.Quote && d.DueDate != "":
		return d.DueDate
	}
	return noDue
}

// Documents holds one row a document, by its id.
var Documents = &Table[Document]{
	Schema: Schema{
		Name:   "documents",
		ByID:   true,
		Sifted: true,
		Columns: []Column{
			{"kind", Int}, // kinds, statuses and days as numbers: most indexes are over them, and a third smaller so
			{"status", Int},
			{"date", Int},
			{"due", Int},
			{"number", Text},
			{"title", Text},
			{"total", Int},
			{"currency", Text},
			{"outstanding", Int},
			{"search", Text},
			{"last", Int}, // newest entry of the timeline
		},
		Indexes: []Index{
			{Name: "status", Columns: []string{"kind", "status", "date"}},
			{Name: "last", Columns: []string{"last"}},
			{Name: "all_status", Columns: []string{"kind", "status", "date"}, Wide: true},
		},
	},
	Values: func(d *Document, dst []Value) []Value {
		title := Fold(d.Title)
		return append(dst, kindValue(d.Kind), statusValue(d.Status), dayValue(d.IssueDate), dayValue(d.Due()), T(SortKey(d.Number)), T(title),
			N(d.Total.Minor), T(d.Total.Currency), N(d.Outstanding.Minor), T(Fold(d.Number)+" "+title), N(uint64(d.Timeline.Last())))
	},
	Append: func(b []byte, d *Document) []byte { return appendWithTimeline(b, d.appendJSON, &d.Timeline) },
	Parse:  func(data []byte, d *Document) error { return parseWithTimeline(data, d, &d.Timeline) },
}

// DocumentFilter says which documents a list or a figure is about. The zero filter is all.
type DocumentFilter struct {
	Kinds    []document.Kind `json:"kinds,omitempty"`
	Statuses []Status        `json:"statuses,omitempty"`
	Year     int             `json:"year,omitempty"` // of the issue date
	From     document.Date   `json:"from,omitempty"` // issue date, inclusive
	To       document.Date   `json:"to,omitempty"`
	DueFrom  document.Date   `json:"dueFrom,omitempty"` // due or valid-until day, inclusive; none stated counts as later than any
	DueTo    document.Date   `json:"dueTo,omitempty"`
	Currency string          `json:"currency,omitempty"`
	MinTotal *int64          `json:"minTotal,omitempty"` // minor units, inclusive
	MaxTotal *int64          `json:"maxTotal,omitempty"`
	Owed     bool            `json:"owed,omitempty"` // only those that money is owed for
	Search   string          `json:"search,omitempty"`
}

// DocumentSort orders a list of documents.
type DocumentSort string

// The orders. Staff's list over all contacts knows date, kind and status.
const (
	SortDate   DocumentSort = "date"
	SortDue    DocumentSort = "due"
	SortKind   DocumentSort = "kind"   // then date
	SortStatus DocumentSort = "status" // then date
	SortNumber DocumentSort = "number"
	SortTitle  DocumentSort = "title"
	SortTotal  DocumentSort = "total"
)

// DocumentQuery asks for a page of documents.
type DocumentQuery struct {
	DocumentFilter
	Sort  DocumentSort // "" is by date
	Desc  bool
	After string // Next of the page before
	Limit int    // 0: all
}

// ListDocuments returns a page of the view's documents. A page costs about the same with
// ten documents and with a hundred thousand, whatever is asked for.
func ListDocuments(ctx context.Context, v View, q DocumentQuery) (Page[Document], error) {
	m := merge{Index: "status", Desc: q.Desc, After: q.After, Limit: q.Limit}
	sorted := false // by what no index has: every rebuild would pay for one, for the few that sort so
	switch q.Sort {
	case SortDate, "":
		m.Order = []int{2}
	case SortKind:
		m.Order = []int{0, 2}
	case SortStatus:
		m.Order = []int{1, 2}
	case SortDue, SortNumber, SortTitle, SortTotal:
		sorted = true
	default:
		return Page[Document]{}, fault.Field("sort", "query.sort_unknown", fault.A("sort", q.Sort))
	}
	if v.all {
		if sorted {
			return Page[Document]{}, fault.Field("sort", "query.sort_unknown", fault.A("sort", q.Sort))
		}
		m.Index = "all_status"
	}
	kinds, err := q.kinds()
	if err != nil {
		return Page[Document]{}, err
	}
	m.Where = q.ranges()
	if m.Sift, m.Sifts = q.oneOf(kinds); sorted {
		if !m.Sifts {
			return Page[Document]{}, nil
		}
		return sortedList(ctx, v, Documents, []string{string(q.Sort)}, append(m.Sift, m.Where...), q.Desc, q.After, q.Limit)
	}
	for _, k := range kinds {
		for _, s := range q.statusesOf(k) {
			m.Parts = append(m.Parts, []Value{kindValue(k), statusValue(s)})
		}
	}
	return mergeList(ctx, v, Documents, m)
}

// CountDocuments returns how many of the view's documents the filter lets through.
func CountDocuments(ctx context.Context, v View, f DocumentFilter) (int, error) {
	kinds, err := f.kinds()
	if err != nil {
		return 0, err
	}
	of, ok := f.oneOf(kinds)
	if !ok {
		return 0, nil
	}
	return Count(ctx, v, Documents, append(of, f.ranges()...)...)
}

// oneOf returns the conditions that a document is of one of the kinds and in a state that
// the filter lets through; false where none can be. A state that the filter wants of one
// kind and not of another would need more: there is none (a test tries them all).
func (f *DocumentFilter) oneOf(kinds []document.Kind) ([]Cond, bool) {
	var of []Value
	all := true
	for _, k := range kinds {
		statuses := f.statusesOf(k)
		if len(statuses) > 0 {
			of = append(of, kindValue(k))
		}
		all = all && len(statuses) == len(Statuses(k))
	}
	if len(of) == 0 {
		return nil, false
	}
	var where []Cond
	if len(of) < len(document.Kinds()) {
		where = append(where, Where("kind", In, of...))
	}
	if !all {
		where = append(where, Where("status", In, f.statusValues(kinds)...))
	}
	return where, true
}

func (f *DocumentFilter) kinds() ([]document.Kind, error) {
	if len(f.Kinds) == 0 {
		return document.Kinds(), nil
	}
	var kinds []document.Kind
	for _, k := range f.Kinds {
		if !k.Known() {
			return nil, fault.Field("kind", "document.kind_unknown", fault.A("kind", k))
		}
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

func (f *DocumentFilter) statusesOf(k document.Kind) []Status {
	var out []Status
	for _, s := range Statuses(k) {
		if (len(f.Statuses) == 0 || slices.Contains(f.Statuses, s)) && (!f.Owed || slices.Contains(owedStatuses(k), s)) {
			out = append(out, s)
		}
	}
	return out
}

func (f *DocumentFilter) statusValues(kinds []document.Kind) []Value {
	var all []Status
	for _, k := range kinds {
		for _, s := range f.statusesOf(k) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return statusValues(all)
}

func statusValues(of []Status) []Value {
	out := make([]Value, len(of))
	for i, s := range of {
		out[i] = statusValue(s)
	}
	return out
}

// kindCodes and statusCodes number what there is in the order of its names. Where one
// comes or goes the projection's version has to change.
var (
	kindCodes   = codesOf(document.Kinds())
	statusCodes = func() map[Status]int {
		var all []Status
		for _, k := range document.Kinds() {
			all = append(all, Statuses(k)...)
		}
		return codesOf(all)
	}()
)

func codesOf[S ~string](all []S) map[S]int {
	codes := map[S]int{}
	for i, s := range slices.Compact(slices.Sorted(slices.Values(all))) {
		codes[s] = i + 1
	}
	return codes
}

func kindValue(k document.Kind) Value { return N(kindCodes[k]) }

func statusValue(s Status) Value { return N(statusCodes[s]) }

// dayValue is the number that a day's digits make; nothing where there is none.
func dayValue(d document.Date) Value {
	n := 0
	for _, c := range []byte(d) {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return N(n)
}

func (f *DocumentFilter) ranges() []Cond {
	var w []Cond
	from, to := f.From, f.To
	if f.Year > 0 {
		from = max(from, document.Date(fmt.Sprintf("%04d-01-01", f.Year)))
		if end := document.Date(fmt.Sprintf("%04d-12-31", f.Year)); to == "" || to > end {
			to = end
		}
	}
	for _, c := range []struct {
		column string
		op     Op
		date   document.Date
	}{{"date", Ge, from}, {"date", Le, to}, {"due", Ge, f.DueFrom}, {"due", Le, f.DueTo}} {
		if c.date != "" {
			w = append(w, Where(c.column, c.op, dayValue(c.date)))
		}
	}
	if f.Currency != "" {
		w = append(w, Where("currency", Eq, T(f.Currency)))
	}
	if f.MinTotal != nil {
		w = append(w, Where("total", Ge, N(*f.MinTotal)))
	}
	if f.MaxTotal != nil {
		w = append(w, Where("total", Le, N(*f.MaxTotal)))
	}
	if f.Owed {
		w = append(w, Where("outstanding", Gt, N(0)))
	}
	w = append(w, searching("search", f.Search)...)
	return w
}

// FindDocument returns a document of the view, and whose it is; NotFound else. Staff's
// view finds those of all contacts.
func FindDocument(ctx context.Context, v View, doc id.ID) (Document, id.Contact, error) {
	return findWide(ctx, v, Documents, string(doc))
}

// Relation says what a related document is to the one at hand.
type Relation string

// The relations.
const (
	RelSupersedes   Relation = "supersedes"    // the quote that this one revises
	RelSupersededBy Relation = "superseded_by" // the quote that revises this one
	RelOrder        Relation = "order"         // the order that this note delivers
	RelDeliveryNote Relation = "delivery_note" // a note that delivers this order
	RelCorrects     Relation = "corrects"      // an invoice that this credit note corrects
	RelCreditNote   Relation = "credit_note"   // a credit note that corrects this invoice
)

// Related is a document that belongs with another.
type Related struct {
	Relation Relation `json:"relation"`
	Document Document `json:"document"`
}

// RelatedDocuments returns the documents that d names and that the view has.
func RelatedDocuments(ctx context.Context, v View, d *Document) ([]Related, error) {
	var out []Related
	for _, r := range []struct {
		relation Relation
		ids      []id.ID
	}{
		{RelSupersedes, []id.ID{d.Supersedes}},
		{RelSupersededBy, []id.ID{d.SupersededBy}},
		{RelOrder, []id.ID{d.Order}},
		{RelDeliveryNote, d.DeliveryNotes},
		{RelCorrects, d.Corrects},
		{RelCreditNote, d.CreditNotes},
	} {
		for _, other := range r.ids {
			if other == "" {
				continue
			}
			row, ok, err := Get(ctx, v, Documents, string(other))
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, Related{r.relation, row})
			}
		}
	}
	return out, nil
}

// documentsPage is how many documents EachDocument reads at once.
const documentsPage = 500

// EachDocument calls f for each document of a list, in its order, until f fails; After
// and Limit of the query do not count. It reads page by page: what changes meanwhile may
// be seen before or after its change.
func EachDocument(ctx context.Context, v View, q DocumentQuery, f func(d *Document) error) error {
	q.After, q.Limit = "", documentsPage
	for {
		p, err := ListDocuments(ctx, v, q)
		if err != nil {
			return err
		}
		for i := range p.Items {
			if err := f(&p.Items[i].Row); err != nil {
				return err
			}
		}
		if q.After = p.Next; p.Next == "" {
			return nil
		}
	}
}
