// Command eventsdoc writes docs/events.md: every event that there is, as the registry
// has it, with what its source says about it. For who adds a projection, or audits.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"lonja/domain/event"
	"lonja/domain/vocabulary"
)

func main() {
	out := flag.String("o", "docs/events.md", "the file to write")
	domain := flag.String("domain", "domain", "the folder of the domain's packages")
	flag.Parse()
	if err := run(*out, *domain); err != nil {
		fmt.Fprintln(os.Stderr, "eventsdoc:", err)
		os.Exit(1)
	}
}

func run(out, domain string) error {
	s := sources{folder: domain, packages: map[string]map[string]declared{}}
	reg := vocabulary.Registry()
	byPackage := map[string][]string{}
	var b bytes.Buffer
	for _, typ := range reg.Types() {
		pkg := packageOf(reg.New(typ))
		byPackage[pkg] = append(byPackage[pkg], typ)
	}
	packages := make([]string, 0, len(byPackage))
	for pkg := range byPackage {
		packages = append(packages, pkg)
	}
	slices.Sort(packages)
	b.WriteString(`# Events

Written by ` + "`make generate`" + ` from the registry and the comments of ` + "`domain/`" + `: don't edit. An event's type and the form of its
data are a contract with every log that was ever written: a golden file of each version is in its package's
` + "`testdata/events`" + `. Fields marked **sealed** are personal: encrypted under the contact's key (the account's, for staff), and
gone for good once that is erased.

Beside its data every event has its metadata: account, contact, actor (kind and id), command, correlation, causation,
time, schema version, and trace context.

`)
	for _, pkg := range packages {
		fmt.Fprintf(&b, "* [%s](#%s): %s\n", pkg, pkg, code(byPackage[pkg]))
	}
	for _, pkg := range packages {
		fmt.Fprintf(&b, "\n## %s\n", pkg)
		for _, typ := range byPackage[pkg] {
			if err := s.describe(&b, reg, typ); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(out, b.Bytes(), 0o644) //nolint:gosec // documentation, for everybody to read
}

func packageOf(e any) string {
	return strings.TrimPrefix(reflect.TypeOf(e).Elem().PkgPath(), "lonja/domain/")
}

func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// declared is a type as its source declares it.
type declared struct {
	doc    string
	fields map[string]string // comments by name
}

// sources are the packages of the domain, read where they are asked for.
type sources struct {
	folder   string
	packages map[string]map[string]declared
}

func (s sources) of(t reflect.Type) (declared, error) {
	pkg := strings.TrimPrefix(t.PkgPath(), "lonja/domain/")
	types, ok := s.packages[pkg]
	if !ok {
		var err error
		if types, err = parse(filepath.Join(s.folder, pkg)); err != nil {
			return declared{}, err
		}
		s.packages[pkg] = types
	}
	d, ok := types[t.Name()]
	if !ok {
		return d, fmt.Errorf("%s has no type %s", pkg, t.Name())
	}
	return d, nil
}

func parse(folder string) (map[string]declared, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%s has no Go files", folder))
	}
	out := map[string]declared{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range f.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, spec := range g.Specs {
				t := spec.(*ast.TypeSpec) //nolint:forcetypeassert // what a type declaration has
				d := declared{doc: line(g.Doc.Text()), fields: map[string]string{}}
				if str, ok := t.Type.(*ast.StructType); ok {
					for _, field := range str.Fields.List {
						for _, n := range field.Names {
							d.fields[n.Name] = line(field.Comment.Text())
						}
					}
				}
				out[t.Name.Name] = d
			}
		}
	}
	return out, nil
}

// line makes one line of a comment, without what would be markup.
func line(comment string) string {
	return strings.NewReplacer("<", `\<`, "*", `\*`, "|", `\|`).Replace(strings.Join(strings.Fields(comment), " "))
}

func (s sources) describe(b *bytes.Buffer, reg *event.Registry, typ string) error {
	t := reflect.TypeOf(reg.New(typ)).Elem()
	d, err := s.of(t)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n### %s\n\n", typ)
	if v := reg.Version(typ); v > 1 {
		fmt.Fprintf(b, "Schema version %d. ", v)
	}
	says := strings.TrimPrefix(d.doc, t.Name()+" ")
	fmt.Fprintf(b, "%s%s\n", strings.ToUpper(says[:min(len(says), 1)]), says[min(len(says), 1):])
	var rows []string
	if err := s.fields(t, &rows); err != nil {
		return err
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| field | type | |\n|---|---|---|\n%s\n", strings.Join(rows, "\n"))
	}
	return nil
}

func (s sources) fields(t reflect.Type, rows *[]string) error {
	d, err := s.of(t)
	if err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if err := s.fields(f.Type, rows); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind, notes := typeName(f.Type), []string{}
		if inner, ok := strings.CutPrefix(f.Type.Name(), "Personal["); ok {
			kind = strings.TrimSuffix(inner[strings.LastIndex(inner, "/")+1:], "]")
			notes = append(notes, "**sealed**")
		}
		if options != "" {
			notes = append(notes, "optional")
		}
		if c := d.fields[f.Name]; c != "" {
			notes = append(notes, c)
		}
		*rows = append(*rows, fmt.Sprintf("| `%s` | %s | %s |", name, kind, strings.Join(notes, "; ")))
	}
	return nil
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Slice {
		return "list of " + typeName(t.Elem())
	}
	switch name := t.String(); name {
	case "time.Time":
		return "time"
	case "decimal.Decimal":
		return "decimal"
	default:
		return name
	}
}
