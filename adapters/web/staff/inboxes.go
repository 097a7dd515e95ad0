package staff

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

func placedOrders() readmodels.DocumentFilter {
	return readmodels.DocumentFilter{Kinds: []document.Kind{document.SalesOrder}, Statuses: []readmodels.Status{readmodels.StatusPlaced}}
}

// listOrders is the orders that contacts placed and that wait for an answer, oldest first.
func (s *Staff) listOrders(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	list, err := readmodels.ListDocuments(r.Context(), m.view, readmodels.DocumentQuery{
		DocumentFilter: placedOrders(), Sort: readmodels.SortDate, After: r.URL.Query().Get("after"), Limit: rowsPerPage,
	})
	if err != nil {
		return err
	}
	view := templates.StaffInbox{Next: list.Next}
	n := names{m: m, known: map[id.Contact]string{}}
	if view.Rows, err = s.rows(r, n, list); err != nil {
		return err
	}
	page, err := s.page(r, m, m.l.T("staff.orders"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffInboxPage(page, view))
}

// listThreads is the conversations with comments that staff have not seen, or all.
func (s *Staff) listThreads(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	asked := r.URL.Query()
	read := readmodels.UnreadThreads
	if asked.Get("all") != "" {
		read = readmodels.ListThreads
	}
	list, err := read(r.Context(), m.view, asked.Get("after"), rowsPerPage)
	if err != nil {
		return err
	}
	view := templates.StaffThreads{Next: list.Next, Unread: asked.Get("all") == ""}
	n := names{m: m, known: map[id.Contact]string{}}
	for i := range list.Items {
		one := &list.Items[i]
		name, err := n.of(r.Context(), one.Key.Contact)
		if err != nil {
			return err
		}
		view.Rows = append(view.Rows, templates.StaffThread{Thread: one.Row, Contact: name, Path: templates.StaffDocumentPath(one.Key.Contact, one.Row.Kind, one.Row.Document)})
	}
	page, err := s.page(r, m, m.l.T("staff.comments"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffThreadsPage(page, view))
}

func (s *Staff) listPayments(w http.ResponseWriter, r *http.Request) error {
	return s.paymentsPage(w, r, s.NewForm(), "", http.StatusOK)
}

// paymentsPage is the transfers that contacts set out to make, or the payments that do
// not add up, newest first; f is the form of one payment, where it was refused.
func (s *Staff) paymentsPage(w http.ResponseWriter, r *http.Request, f templates.Form, refused id.ID, status int) error {
	m := memberOf(r)
	asked := r.URL.Query()
	odd := asked.Get("attention") != ""
	var list readmodels.Page[readmodels.Payment]
	var err error
	if odd {
		list, err = readmodels.PaymentsForAttention(r.Context(), m.view, asked.Get("after"), rowsPerPage)
	} else {
		list, err = readmodels.ListPayments(r.Context(), m.view, readmodels.PaymentQuery{
			States: []readmodels.PaymentState{readmodels.PaymentStarted, readmodels.PaymentProcessing}, After: asked.Get("after"), Limit: rowsPerPage,
		})
	}
	if err != nil {
		return err
	}
	view := templates.StaffPayments{Form: f, For: refused, May: m.may(), Day: m.settings.Today(s.Now()), Next: list.Next, Attention: odd}
	n := names{m: m, known: map[id.Contact]string{}}
	for i := range list.Items {
		one := &list.Items[i]
		if one.Row.Method != readmodels.Transfer && !odd {
			continue
		}
		name, err := n.of(r.Context(), one.Key.Contact)
		if err != nil {
			return err
		}
		view.Rows = append(view.Rows, templates.StaffPayment{Payment: one.Row, Contact: name})
	}
	page, err := s.page(r, m, m.l.T("nav.payments"))
	if err != nil {
		return err
	}
	page.Here = "/staff/payments"
	return s.Show(w, r, status, templates.StaffPaymentsPage(page, view))
}

// receivePayment records that the money of a payment is on the bank account.
func (s *Staff) receivePayment(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	pay, _, err := readmodels.FindPayment(r.Context(), m.view, id.ID(chi.URLParam(r, "payment")))
	if err != nil {
		return err
	}
	amount, err := parseAmount(f.Value("amount"), pay.Amount.Currency)
	var rcpt commands.Receipt
	if err == nil {
		_, rcpt, err = s.Commands.RecordTransfer(r.Context(), s.request(r, f, m), commands.RecordTransfer{
			Payment: pay.ID, Amount: amount, On: document.Date(f.Value("on")),
		})
	}
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		return s.paymentsPage(w, r, f, pay.ID, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, "/staff/payments", rcpt.Position, "received")
	return nil
}
