# Importing sheets and inventory files.
import-title = Import
import-template = Template
import-sheet = Import a sheet
import-sheet-about = Send Excel (.xlsx) or CSV (UTF-8 or GBK). Headings are known by name; you look first, and it is applied in one transaction. Assets that are there are found by id, address or name, and only what differs is changed.
import-file = File
import-file-help = At most 16 MiB and 20,000 rows
import-look = Preview
import-headings = Columns that are known
import-headings-about = Headings need not be exact: Name and Hostname both mean the name; columns that are not known can be mapped in the preview. Columns marked as sealed go into the sealed store only and are never shown.
import-secret = sealed
import-ignore = Leave out
import-no-file = Choose a file
import-toml = Import an inventory file (TOML)
import-toml-about = The format of fengsui inventory apply; it adds and changes, and removes nothing.
import-toml-file = File
import-toml-text = Or paste it
import-toml-help = Such as [[asset]] sections; a file goes before the text
import-export = Export the whole inventory (TOML)
import-toml-not-utf8 = The file is not UTF-8 text; convert it and try again
import-toml-empty = Choose a file or paste a text
import-toml-long = The text is longer than { $n } MiB; split it
import-toml-mistakes = { $n ->
    [one] There is { $n } mistake, nothing was changed:
   *[other] There are { $n } mistakes, nothing was changed:
}
import-toml-moved = The inventory has changed since the preview; this is what the file would do now: look at it and apply again
import-toml-plan = Adds { $added } and changes { $changed }.
import-toml-action = Action
import-toml-thing = Thing

import-preview-title = Preview: { $file }
import-other = Another file
import-add = New
import-change = Changed
import-same = Unchanged
import-bad = Bad rows
import-applied = Applied: { $added } assets added, { $changed } changed.
import-applied-sealed = { $n ->
    [one] { $n } credential is sealed.
   *[other] { $n } credentials are sealed.
}
import-applied-bad = { $n ->
    [one] { $n } bad row was left out; download it, mend it and send it again.
   *[other] { $n } bad rows were left out; download them, mend them and send them again.
}
import-mapped = Looked at again with the new columns
import-news = Comes into being too
import-sealed = Credentials to be sealed
import-sealed-one = { $name } ({ $kind }, used by { $n })
import-apply = { $n ->
    [one] Apply { $n } change
   *[other] Apply { $n } changes
}
import-apply-bad = { $n ->
    [one] The { $n } bad row is left out, the rest is applied at once
   *[other] The { $n } bad rows are left out, the rest is applied at once
}
import-apply-all = All at once: if one fails, nothing is applied
import-nothing = The inventory already says what the file says; there is nothing to apply
import-bad-sheet = Download the bad rows
import-bad-sheet-help = With the reasons beside them; mend it and send it again
import-columns = What the columns mean
import-columns-about = The headings are in row { $n }. Choose here what a column means where that was not known or is wrong, then look again.
import-tab = Sheet: { $name }
import-heading = Heading
import-meaning = Means
import-sample = Sample
import-by-hand = by hand
import-map = Look again
import-row = Row
import-where = Column
import-value = Value
import-reason = Reason and remedy
import-changes = What changes
import-no-rows = There are no such rows
import-back = Back
