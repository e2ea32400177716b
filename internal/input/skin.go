package input

import "fmt"

// Skin is a length in Å, or AutoSkin.
type Skin float64

// AutoSkin leaves the choice to the program: "auto" in a file. No length is it.
const AutoSkin Skin = -1e300

const autoText = "auto"

// UnmarshalTOML is part of toml.Unmarshaler.
func (s *Skin) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case float64:
		*s = Skin(v)
	case int64:
		*s = Skin(v)
	case string:
		if v != autoText {
			return fmt.Errorf("%q is neither a number of Å nor %q", v, autoText)
		}
		*s = AutoSkin
	default:
		return fmt.Errorf("incompatible types: %T is neither a number of Å nor %q", value, autoText)
	}
	return nil
}

// MarshalTOML is part of toml.Marshaler.
func (s Skin) MarshalTOML() ([]byte, error) {
	if s == AutoSkin {
		return []byte(`"` + autoText + `"`), nil
	}
	return fmt.Appendf(nil, "%v", float64(s)), nil
}
