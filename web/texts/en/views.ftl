# Saved views of lists.
views-label = Views
views-own = Keep this view
views-name = Name
views-help = Keeps the filters and the order that are shown, for you alone
views-save = Keep
views-remove = Remove
views-saved = The view is kept
views-removed = The view is removed
