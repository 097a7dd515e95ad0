package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/money"
)

func parseDecimal(s string) (money.Decimal, error) { return decimal.Parse(s) }

func account(start time.Time) Account {
	return Account{
		Party: document.Party{
			Name: "Almacenes Turia Distribución, S.L.", TradeName: "Almacenes Turia", TaxID: "ES" + cif("B", 4671203), Email: "pedidos@almacenesturia.example", Phone: "+34 960 000 120",
			Address: document.Address{Street: "Polígono Fuente del Jarro, calle Islas Baleares 24", City: "Paterna", PostCode: "46988", Region: "Valencia", Country: "ES"},
		},
		Language: "es", TimeZone: "Europe/Madrid",
		IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Colour: "#0b5d4e",
		Welcome:    "Sus presupuestos, pedidos y facturas con Almacenes Turia, en un solo sitio.",
		StaffEmail: "equipo@almacenesturia.example", StaffName: "Nuria Calatayud", OpenedAt: start.Add(-30 * 24 * time.Hour),
	}
}

// cif returns a Spanish company tax id with its control digit.
func cif(letter string, n int) string {
	d := fmt.Sprintf("%07d", n)
	sum := 0
	for i := range 7 {
		v := int(d[i] - '0')
		if i%2 == 0 {
			v *= 2
			v = v/10 + v%10
		}
		sum += v
	}
	return letter + d + string(rune('0'+(10-sum%10)%10))
}

// legalForm returns the letter that a company's tax id starts with.
func legalForm(name string) string {
	switch {
	case strings.HasSuffix(name, "S.A."):
		return "A"
	case strings.HasSuffix(name, "C.B."):
		return "E"
	case strings.Contains(name, "Coop."):
		return "F"
	case strings.HasSuffix(name, "S.L."):
		return "B"
	}
	return "G" // associations
}

// nif returns a Spanish personal tax id with its control letter.
func nif(n int) string {
	return fmt.Sprintf("%08d%c", n, "TRWAGMYFPDXBNJZSQVHLCKE"[n%23])
}

type productLine struct {
	category, sku, name, unit, price, tax, min string
}

func products() []catalogue.Product {
	lines := []productLine{
		{"Aceites y conservas", "ACE-001", "Aceite de oliva virgen extra, garrafa 5 l", "garrafa", "38.90", "4", "1"},
		{"Aceites y conservas", "ACE-002", "Aceite de girasol alto oleico, garrafa 10 l", "garrafa", "21.40", "10", "1"},
		{"Aceites y conservas", "CON-010", "Tomate triturado, lata 3 kg", "lata", "4.35", "10", "6"},
		{"Aceites y conservas", "CON-011", "Atún claro en aceite, lata 900 g", "lata", "9.80", "10", "4"},
		{"Aceites y conservas", "CON-012", "Aceituna manzanilla, bote 2 kg", "bote", "8.25", "10", "3"},
		{"Aceites y conservas", "CON-013", "Pimiento del piquillo entero, lata 2,5 kg", "lata", "13.60", "10", "2"},
		{"Aceites y conservas", "CON-014", "Garbanzo cocido, bote 3 kg", "bote", "5.10", "10", "4"},
		{"Arroces, pastas y harinas", "ARR-020", "Arroz bomba D.O. Valencia, saco 5 kg", "saco", "17.95", "4", "1"},
		{"Arroces, pastas y harinas", "ARR-021", "Arroz redondo extra, saco 10 kg", "saco", "14.20", "4", "1"},
		{"Arroces, pastas y harinas", "PAS-022", "Macarrón n.º 5, bolsa 5 kg", "bolsa", "8.70", "10", "2"},
		{"Arroces, pastas y harinas", "HAR-023", "Harina de fuerza, saco 25 kg", "saco", "18.30", "4", "1"},
		{"Arroces, pastas y harinas", "HAR-024", "Pan rallado, saco 10 kg", "saco", "12.60", "10", "1"},
		{"Lácteos y huevos", "LAC-030", "Leche entera UHT, caja 12 × 1 l", "caja", "11.40", "4", "2"},
		{"Lácteos y huevos", "LAC-031", "Nata para cocinar 18 %, caja 6 × 1 l", "caja", "17.10", "10", "1"},
		{"Lácteos y huevos", "LAC-032", "Queso curado de oveja, pieza 3 kg", "pieza", "42.50", "4", "1"},
		{"Lácteos y huevos", "LAC-033", "Mantequilla, barra 1 kg", "barra", "8.90", "10", "4"},
		{"Lácteos y huevos", "HUE-034", "Huevos M, caja 15 docenas", "caja", "34.20", "4", "1"},
		{"Bebidas", "BEB-040", "Agua mineral, pack 24 × 0,5 l", "pack", "4.90", "10", "5"},
		{"Bebidas", "BEB-041", "Refresco de cola, caja 24 latas", "caja", "13.80", "21", "5"},
		{"Bebidas", "BEB-042", "Cerveza lager, barril 30 l", "barril", "68.00", "21", "1"},
		{"Bebidas", "BEB-043", "Vino tinto crianza, caja 6 botellas", "caja", "31.20", "21", "1"},
		{"Bebidas", "BEB-044", "Zumo de naranja, caja 12 × 1 l", "caja", "15.60", "10", "1"},
		{"Bebidas", "BEB-045", "Vermut rojo, caja 6 × 1 l", "caja", "38.40", "21", "1"},
		{"Café e infusiones", "CAF-050", "Café natural en grano, bolsa 1 kg", "bolsa", "14.75", "10", "3"},
		{"Café e infusiones", "CAF-051", "Café descafeinado molido, bolsa 1 kg", "bolsa", "15.90", "10", "3"},
		{"Café e infusiones", "CAF-052", "Manzanilla, caja 100 filtros", "caja", "4.60", "10", "2"},
		{"Café e infusiones", "CAF-053", "Azúcar en sobres, caja 10 kg", "caja", "16.40", "10", "1"},
		{"Carnes y embutidos", "CAR-060", "Jamón serrano deshuesado, pieza 5 kg", "pieza", "58.90", "10", "1"},
		{"Carnes y embutidos", "CAR-061", "Pechuga de pollo, bandeja 5 kg", "bandeja", "27.50", "10", "1"},
		{"Carnes y embutidos", "CAR-062", "Chorizo cular, pieza 1,5 kg", "pieza", "13.20", "10", "2"},
		{"Carnes y embutidos", "CAR-063", "Longaniza fresca, bandeja 3 kg", "bandeja", "19.80", "10", "1"},
		{"Congelados", "CNG-070", "Patata prefrita 9 × 9, caja 10 kg", "caja", "15.90", "10", "1"},
		{"Congelados", "CNG-071", "Calamar limpio, caja 5 kg", "caja", "39.70", "10", "1"},
		{"Congelados", "CNG-072", "Gamba pelada 60/80, caja 2 kg", "caja", "28.60", "10", "1"},
		{"Congelados", "CNG-073", "Croqueta de jamón, caja 4 kg", "caja", "22.30", "10", "1"},
		{"Panadería", "PAN-080", "Barra precocida, caja 40 unidades", "caja", "13.50", "4", "1"},
		{"Panadería", "PAN-081", "Pan de hamburguesa, caja 48 unidades", "caja", "14.90", "10", "1"},
		{"Panadería", "PAN-082", "Cruasán de mantequilla, caja 60 unidades", "caja", "21.70", "10", "1"},
		{"Limpieza y desechables", "LIM-090", "Lavavajillas industrial, garrafa 10 l", "garrafa", "19.30", "21", "1"},
		{"Limpieza y desechables", "LIM-091", "Lejía alimentaria, caja 6 × 2 l", "caja", "7.80", "21", "2"},
		{"Limpieza y desechables", "LIM-092", "Papel secamanos, pack 6 bobinas", "pack", "14.10", "21", "2"},
		{"Limpieza y desechables", "LIM-093", "Servilleta 30 × 30, caja 4 800", "caja", "24.60", "21", "1"},
		{"Limpieza y desechables", "LIM-094", "Bolsa de basura 85 × 105, caja 10 rollos", "caja", "18.90", "21", "1"},
		{"Limpieza y desechables", "DES-095", "Envase kraft con tapa 1 000 ml, caja 300", "caja", "41.50", "21", "1"},
		{"Limpieza y desechables", "DES-096", "Vaso de cartón 200 ml, caja 1 000", "caja", "32.80", "21", "1"},
		{"Especias y salsas", "ESP-100", "Pimentón de la Vera dulce, bote 750 g", "bote", "11.20", "10", "2"},
		{"Especias y salsas", "ESP-101", "Azafrán en hebra, caja 10 × 1 g", "caja", "46.00", "10", "1"},
		{"Especias y salsas", "SAL-102", "Mayonesa, cubo 5 kg", "cubo", "16.70", "10", "1"},
		{"Especias y salsas", "SAL-103", "Salsa de tomate frito, garrafa 5 kg", "garrafa", "10.90", "10", "1"},
		{"Especias y salsas", "SAL-104", "Sal fina, saco 25 kg", "saco", "8.40", "10", "1"},
	}
	out := make([]catalogue.Product, len(lines))
	for i, l := range lines {
		price, err := money.Parse(l.price, currency)
		if err != nil {
			panic(fmt.Sprintf("demo: %s: %v", l.sku, err)) // a constant of this package
		}
		p := catalogue.Product{
			SKU: l.sku, Name: l.name, Category: l.category, Unit: l.unit, Price: price, TaxRate: dec(l.tax),
			MinQuantity: dec(l.min), Step: dec("1"), Availability: catalogue.InStock,
			Description: "Servicio en 24/48 horas en la provincia de Valencia.",
		}
		switch {
		case i%17 == 16:
			p.Availability = catalogue.SoldOut
		case i%13 == 12:
			p.Availability = catalogue.OnRequest
		}
		if i%4 == 0 { // from 20 units on, 6 % less
			less, err := price.Mul(dec("0.94"))
			if err != nil {
				panic(fmt.Sprintf("demo: %s: %v", l.sku, err))
			}
			p.Breaks = []catalogue.Break{{From: dec("20"), Price: less}}
		}
		out[i] = p
	}
	return out
}

type contactLine struct {
	name, trade, person, street, city, post, region string
	person2                                         bool // a natural person: NIF
	kind                                            string
}

// The kinds of contact: c client, r retailer under equivalence surcharge, t tenant of
// a part of the warehouse (whose rent bears IRPF), s supplier, b both.
var contactLines = []contactLine{
	{"Restaurante La Marjal, S.L.", "La Marjal", "Amparo Ferrer Climent", "Carrer de Cadis 18", "València", "46006", "Valencia", false, "c"},
	{"Hermanos Ballester Horno y Pastelería, C.B.", "Horno Ballester", "Vicent Ballester Roig", "Plaça Major 3", "Torrent", "46900", "Valencia", false, "r"},
	{"Cafetería Estació del Nord, S.L.", "Café Nord", "Laura Peris Sanz", "Carrer de Xàtiva 22", "València", "46007", "Valencia", false, "c"},
	{"María Dolores Soler Gil", "Ultramarinos Soler", "Lola Soler Gil", "Calle Colón 41", "Sagunto", "46500", "Valencia", true, "r"},
	{"Hoteles Malvarrosa, S.A.", "Hotel Malvarrosa", "Jordi Esteve Marco", "Passeig de Neptú 60", "València", "46011", "Valencia", false, "c"},
	{"Bodegas Alto Cabriel, S.L.", "Alto Cabriel", "Rosa Iranzo Pardo", "Ctra. N-322 km 451", "Requena", "46340", "Valencia", false, "s"},
	{"Arrocería Casa Pilar, S.L.", "Casa Pilar", "Pilar Mateu Oliver", "Avinguda de la Gola 14", "El Palmar", "46012", "Valencia", false, "c"},
	{"Colegio Mayor Sant Vicent", "", "Àngels Domènech Pla", "Carrer del Menador 9", "Burjassot", "46100", "Valencia", false, "c"},
	{"Quesería Serra d'Espadà, Coop. V.", "Serra d'Espadà", "Josep Gómez Broch", "Camí de la Font s/n", "Almedíjar", "12413", "Castellón", false, "s"},
	{"Autoservicio Benimaclet, S.L.", "Súper Benimaclet", "Inés Chiva Tortosa", "Carrer de Murta 5", "València", "46020", "Valencia", false, "r"},
	{"Catering Les Germanies, S.L.", "Les Germanies", "Pau Sanchis Bru", "Carrer dels Fusters 30", "Alaquàs", "46970", "Valencia", false, "c"},
	{"Bar Casa Montaña Alta, C.B.", "Casa Montaña Alta", "Emilio García Lluch", "Carrer de Josep Benlliure 69", "València", "46011", "Valencia", false, "c"},
	{"Transportes Rincón de Ademuz, S.L.", "TRA", "Manuel Soriano Gea", "Calle Mayor 2", "Ademuz", "46140", "Valencia", false, "t"},
	{"Francisco Javier Navarro Cuenca", "Charcutería Navarro", "Javier Navarro Cuenca", "Mercat Central, parada 214", "València", "46001", "Valencia", true, "r"},
	{"Residencia Mare Nostrum, S.L.", "Mare Nostrum", "Teresa Boix Català", "Carrer de l'Horta 44", "Alboraia", "46120", "Valencia", false, "c"},
	{"Pizzería Nápoles Xàtiva, S.L.", "Nápoles", "Gianluca Esposito", "Albereda Jaume I 17", "Xàtiva", "46800", "Valencia", false, "c"},
	{"Envases y Cartón del Júcar, S.A.", "Encarsa", "Beatriz Lozano Nadal", "Pol. Ind. El Brosquil 8", "Alzira", "46600", "Valencia", false, "b"},
	{"Club Náutico Port Saplaya", "", "Ricardo Vives Ortí", "Plaça de la Senyera 1", "Port Saplaya", "46120", "Valencia", false, "c"},
	{"Panadería Artesana Rovira, S.L.", "Rovira", "Marta Rovira Benet", "Calle San Roque 12", "Llíria", "46160", "Valencia", false, "r"},
	{"Heladería Tramuntana, S.L.", "Tramuntana", "Neus Garrigues Peiró", "Passeig Marítim 5", "Gandia", "46730", "Valencia", false, "c"},
	{"Aceites Sierra Calderona, S.L.", "Sierra Calderona", "Andrés Lázaro Ibáñez", "Ctra. de Olocau km 4", "Serra", "46118", "Valencia", false, "s"},
	{"Gastrobar El Cabanyal 1900, S.L.", "Cabanyal 1900", "Carla Miró Fuster", "Carrer de la Reina 121", "València", "46011", "Valencia", false, "c"},
	{"Comedores Escolares Horta Sud, S.L.", "Horta Sud Menús", "Sergi Alonso Marí", "Carrer de València 77", "Catarroja", "46470", "Valencia", false, "c"},
	{"Elena Cortés Bellver", "Tienda Bellver", "Elena Cortés Bellver", "Carrer Nou 8", "Bétera", "46117", "Valencia", true, "r"},
	{"Grupo Taronja Restauración, S.L.", "Taronja", "David Ripoll Sala", "Carrer de Russafa 34", "València", "46006", "Valencia", false, "c"},
	{"Cafés Camí Reial, S.A.", "Camí Reial", "Mireia Tomàs Ferri", "Pol. Ind. l'Alter, carrer 7", "Alcàsser", "46290", "Valencia", false, "b"},
	{"Asociación Cultural Falla Mosén Sorell", "", "Rubén Aparisi Gas", "Plaça de Mossén Sorell 4", "València", "46003", "Valencia", false, "c"},
	{"Congelados Puerto de Cullera, S.L.", "Copucusa", "Fernando Tur Blasco", "Muelle Pesquero 11", "Cullera", "46400", "Valencia", false, "s"},
	{"Camping Devesa Azul, S.L.", "Devesa Azul", "Sonia Pastor Llopis", "Carretera del Saler km 16", "El Saler", "46012", "Valencia", false, "c"},
	{"Obrador Dolç i Salat, S.L.", "Dolç i Salat", "Raquel Ibor Segarra", "Avinguda del Port 210", "València", "46023", "Valencia", false, "c"},
}

func (g *generator) contacts() {
	for i, l := range contactLines {
		tax := "ES" + cif(legalForm(l.name), 9600000+i*1373)
		if l.person2 {
			tax = "ES" + nif(20000000+i*734211)
		}
		name := l.trade
		if name == "" {
			name = l.name
		}
		c := Contact{
			Details: contact.Details{
				Name: l.name, TradeName: l.trade, TaxID: tax, Person: l.person, Phone: fmt.Sprintf("+34 96%07d", 1000000+i*31337),
				Email:   "admin@" + hostOf(name) + ".example",
				Address: document.Address{Street: l.street, City: l.city, PostCode: l.post, Region: l.region, Country: "ES"},
			},
			Client: l.kind != "s", Supplier: l.kind == "s" || l.kind == "b", Surcharge: l.kind == "r",
			Tariff: l.kind == "c" && i%3 == 0, Catalogue: l.kind == "c" || l.kind == "r", Language: "es",
			At: g.plan.Account.OpenedAt.Add(time.Duration(i) * time.Hour),
		}
		if i%7 == 6 {
			c.Language = "en"
		}
		g.plan.Contacts = append(g.plan.Contacts, c)
	}
	g.plan.Account.Client, g.plan.Account.Supplier = 0, 5
}

func hostOf(name string) string {
	from := "áàéèíïóòúüçñ'"
	to := []rune("aaeeiioouucn")
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(from, r); i >= 0 {
			if k := len([]rune(from[:i])); k < len(to) {
				return to[k]
			}
			return -1
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
