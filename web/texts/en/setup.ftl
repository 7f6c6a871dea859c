# Setting a console up.
setup-title = Set-up
setup-intro = Every step can be skipped and come back to; progress follows what is there, so leaving loses nothing.
setup-progress = Progress of the set-up
setup-step = Step { $n } of { $all }: { $name }
setup-done = done
setup-go-on = Go on: { $name }
setup-next = Next: { $name }
setup-skip = Skip to: { $name }
setup-finished = Finish, to the overview

setup-account = Your account
setup-account-about = The one-time link works once; make an administrator's account of your own and sign in with it from now on.
setup-account-name = User name
setup-account-name-help = To sign in with; small letters, digits, hyphens
setup-account-name-wrong = It begins with a small letter or a digit and has only a-z, 0-9, dots, underscores and hyphens, at most 64
setup-account-display = Your name
setup-account-display-help = Shown on pages and in the audit trail, such as: Zhang Wei; the user name if left empty
setup-account-password-help = At least 12 characters, three of: capitals, small letters, digits, others; without the user name
setup-account-again = Password again
setup-account-differs = The two passwords differ
setup-account-make = Make the account and go on
setup-account-there = { $n ->
    [one] There is { $n } account:
   *[other] There are { $n } accounts:
}
setup-account-more = Manage accounts
