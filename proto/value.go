// Value: a reply as a client sees it.

package proto

// Type is the type byte of a reply.
type Type byte

// The reply types of RESP2 and RESP3.
const (
	TypeSimple    Type = '+'
	TypeError     Type = '-'
	TypeInt       Type = ':'
	TypeBulk      Type = '$'
	TypeArray     Type = '*'
	TypeNull      Type = '_'
	TypeBool      Type = '#'
	TypeDouble    Type = ','
	TypeBigNumber Type = '('
	TypeBulkError Type = '!'
	TypeVerbatim  Type = '='
	TypeMap       Type = '%'
	TypeSet       Type = '~'
	TypePush      Type = '>'
)

// Value is one reply. Which field holds it depends on Type:
//
//	Int    TypeInt; TypeBool as 0 or 1
//	Str    the strings, errors and numbers of text form, without prefix; of a
//	       verbatim string without the format, which is in Format
//	Float  TypeDouble
//	Elems  the aggregates; of a map keys and values in turn
//	Null   TypeNull, and the null forms of TypeBulk and TypeArray
type Value struct {
	Type   Type
	Null   bool
	Int    int64
	Float  float64
	Format string
	Str    []byte
	Elems  []Value
	Attrs  []Value // keys and values of the attribute in front of the reply, if any
}

// String returns Str as a string.
func (v *Value) String() string { return string(v.Str) }

// IsError reports whether the reply is an error; Str is its text.
func (v *Value) IsError() bool { return v.Type == TypeError || v.Type == TypeBulkError }

// Err returns the error that the reply is, or nil.
func (v *Value) Err() error {
	if v.IsError() {
		return ServerError(v.Str)
	}
	return nil
}

// ServerError is an error reply, with its code.
type ServerError string

func (e ServerError) Error() string { return string(e) }
