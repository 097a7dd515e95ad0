package staff

import (
	"net/http"

	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/readmodels"
)

// manyWait is how many things that wait are counted; more are "and more".
const manyWait = 100

// overview is what waits for staff.
func (s *Staff) overview(w http.ResponseWriter, r *http.Request) error {
	m := memberOf(r)
	v := templates.StaffOverview{}
	for _, count := range []struct {
		into   *int
		filter readmodels.DocumentFilter
	}{
		{&v.Orders, placedOrders()},
		{&v.Changes, readmodels.DocumentFilter{Kinds: []document.Kind{document.Quote}, Statuses: []readmodels.Status{readmodels.StatusChangesRequested}}},
		{&v.Rejected, readmodels.DocumentFilter{Kinds: []document.Kind{document.PurchaseOrder}, Statuses: []readmodels.Status{readmodels.StatusRejected}}},
		{&v.Overdue, overdue(m.settings.Today(s.Now()))},
	} {
		n, err := readmodels.CountDocuments(r.Context(), m.view, count.filter)
		if err != nil {
			return err
		}
		*count.into = n
	}
	var err error
	if v.Unread, err = readmodels.CountUnreadThreads(r.Context(), m.view); err != nil {
		return err
	}
	if v.Mails, err = readmodels.CountFailingMails(r.Context(), m.view); err != nil {
		return err
	}
	waiting, err := readmodels.ListPayments(r.Context(), m.view, readmodels.PaymentQuery{States: []readmodels.PaymentState{readmodels.PaymentProcessing}, Limit: manyWait})
	if err != nil {
		return err
	}
	for i := range waiting.Items {
		if waiting.Items[i].Row.Method == readmodels.Transfer {
			v.Transfers++
		}
	}
	v.MoreTransfers = waiting.Next != ""
	odd, err := readmodels.PaymentsForAttention(r.Context(), m.view, "", manyWait)
	if err != nil {
		return err
	}
	v.Attention, v.MoreAttention = len(odd.Items), odd.Next != ""
	if err := s.latest(r, m, &v); err != nil {
		return err
	}
	page, err := s.page(r, m, m.l.T("staff.overview"))
	if err != nil {
		return err
	}
	return s.Show(w, r, http.StatusOK, templates.StaffOverviewPage(page, v))
}

// overdue is the invoices that should have been paid before a day.
func overdue(today document.Date) readmodels.DocumentFilter {
	return readmodels.DocumentFilter{Kinds: []document.Kind{document.Invoice}, Owed: true, DueTo: today.AddDays(-1)}
}

// latest adds the conversations that wait longest for an answer.
func (s *Staff) latest(r *http.Request, m *member, v *templates.StaffOverview) error {
	threads, err := readmodels.UnreadThreads(r.Context(), m.view, "", 5)
	if err != nil {
		return err
	}
	n := names{m: m, known: map[id.Contact]string{}}
	for i := range threads.Items {
		one := &threads.Items[i]
		name, err := n.of(r.Context(), one.Key.Contact)
		if err != nil {
			return err
		}
		v.Threads = append(v.Threads, templates.StaffThread{Thread: one.Row, Contact: name, Path: templates.StaffDocumentPath(one.Key.Contact, one.Row.Kind, one.Row.Document)})
	}
	orders, err := readmodels.ListDocuments(r.Context(), m.view, readmodels.DocumentQuery{DocumentFilter: placedOrders(), Sort: readmodels.SortDate, Limit: 5})
	if err != nil {
		return err
	}
	v.Placed, err = s.rows(r, n, orders)
	return err
}

// rows are documents with whose they are.
func (s *Staff) rows(r *http.Request, n names, page readmodels.Page[readmodels.Document]) ([]templates.StaffRow, error) {
	var out []templates.StaffRow
	for i := range page.Items {
		one := &page.Items[i]
		name, err := n.of(r.Context(), one.Key.Contact)
		if err != nil {
			return nil, err
		}
		out = append(out, templates.StaffRow{Document: one.Row, Contact: name, Path: templates.StaffDocumentPath(one.Key.Contact, one.Row.Kind, one.Row.ID)})
	}
	return out, nil
}
