"""The messages between master and workers, sent as Locust's custom messages.

| message          | from   | carries                                                              |
|------------------|--------|----------------------------------------------------------------------|
| hello            | worker | `name`; once, when it is ready for messages                          |
| configure        | master | `load`, and `config` with the worker's index and how many there are  |
| go               | master | `load`, `epoch`                                                      |
| end              | master | `load`; the worker stops and completes its record                    |
| report           | worker | `load`, `kind`, `texts` (see `_worker_pool`)                  |
| record           | worker | `load`, `number` (0, 1, 2, ...), `lines`: whole lines of its part    |

`load` is the number of the load among those of one master, so that a late message of an earlier
load is recognised. Locust keeps messages in order; a gap in `number` means that one was lost.
"""

HELLO = "harness_hello"
CONFIGURE = "harness_configure"
GO = "harness_go"
END = "harness_end"
REPORT = "harness_report"
RECORD = "harness_record"
