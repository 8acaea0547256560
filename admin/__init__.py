"""Looks into the lower rooms and shows them. It never imports `proxy`."""
