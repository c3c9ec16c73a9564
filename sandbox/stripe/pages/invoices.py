"""invoices, to come."""
