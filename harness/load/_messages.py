"""What master and workers say to each other, as Locust's custom messages.

| message          | from   | carries                                                              |
|------------------|--------|----------------------------------------------------------------------|
| hello            | worker | `name`; once, when it can be spoken to                               |
| configure        | master | `load`, and `config` with the worker's index and how many there are  |
| go               | master | `load`, `epoch`                                                      |
| end              | master | `load`: stop now, and complete the record                            |
| report           | worker | `load`, `kind`, `texts` (see `_crew`)                                |
| record           | worker | `load`, `number` (0, 1, 2, ...), `lines`: whole lines of its part    |

`load` numbers the loads of one master, so that what belongs to an earlier one is not taken for
this one's. Locust's messages keep their order; `number` tells if one was lost on the way.
"""

HELLO = "harness_hello"
CONFIGURE = "harness_configure"
GO = "harness_go"
END = "harness_end"
REPORT = "harness_report"
RECORD = "harness_record"
