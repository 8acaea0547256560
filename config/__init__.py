"""The ground floor: settings, errors, value types, database, keys, trace. It knows none of the other rooms."""
