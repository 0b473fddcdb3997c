"""A small pool of connections to PostgreSQL that recovers from any fault of the link.

asyncpg's own pool is not used. After a blackhole it hands out one dead connection after the other,
each of which costs another time-out (and another write with unknown outcome), and it closes expired
connections with a message to a peer that cannot be reached. This pool drops all idle connections
as soon as one is lost, and it aborts connections instead of closing them gracefully.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

import asyncpg

from ._registry import StorageError, StorageOutcomeUnknownError, StorageUnavailableError

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# The server reports that it did nothing.
NOT_EXECUTED = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.CannotConnectNowError,  # starting up or shutting down
)
# The connection was lost, and it is unknown what the server did before.
CONNECTION_LOST = (
    OSError,  # includes time-outs
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# Only while connecting: the database or its user does not exist yet.
NOT_CREATED_YET = (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError)


class Pool:
    """At most `size` connections to one DSN, each opened when it is first needed.

    Args:
        dsn: The data source name of the database.
        timeout: Time-out of each call in wall-clock seconds, including the wait for a connection.
        size: The maximum number of connections.
    """

    def __init__(self, dsn: str, timeout: float, *, size: int = 6) -> None:
        self._dsn = dsn
        self._timeout = timeout
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._closed = False

    async def run(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        write: bool = False,
        timeout_factor: float = 1,
    ) -> T:
        """Run `work` with a connection and return its result.

        Args:
            work: Called with a connection.
            write: True if `work` writes. It must then be one statement, or one idempotent
                transaction.
            timeout_factor: Multiplies the pool's time-out.

        Raises:
            StorageUnavailableError: Nothing was written.
            StorageOutcomeUnknownError: The connection was lost during a write.
        """
        write_sent = False
        timeout = self._timeout * timeout_factor
        try:
            async with asyncio.timeout(timeout), self._connection() as connection:
                write_sent = write
                return await work(connection)
        except NOT_EXECUTED as error:
            raise StorageUnavailableError(_error_text(error)) from error
        except TimeoutError as error:
            self._drop_idle()
            raise _lost(f"no answer within {timeout:g} s", write_sent=write_sent) from error
        except CONNECTION_LOST as error:
            self._drop_idle()
            raise _lost(_error_text(error), write_sent=write_sent) from error

    def close(self) -> None:
        """Abort all connections."""
        self._closed = True
        self._drop_idle()
        for connection in list(self._open):
            self._abort(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._slots:
            connection = self._take_idle() or await self._connect()
            try:
                yield connection
            except asyncpg.PostgresError as error:
                # The connection is still usable, unless the server closed it with the query.
                if isinstance(error, CONNECTION_LOST) or connection.is_in_transaction():
                    self._abort(connection)
                else:
                    self._release(connection)
                raise
            except BaseException:
                # Includes time-outs: asyncpg would wait for the answer to its cancel request.
                self._abort(connection)
                raise
            self._release(connection)

    async def _connect(self) -> Connection:
        if self._closed:
            raise StorageUnavailableError("the registry is closed")
        limit = str(int(self._timeout * 1000))
        try:
            connection: Connection = await asyncpg.connect(
                self._dsn,
                timeout=self._timeout,
                # Plain TCP inside one data center; negotiating TLS costs a round trip.
                ssl=None if "sslmode" in self._dsn else False,
                # If this process disappears, the server must release its locks.
                server_settings={
                    "statement_timeout": limit,
                    "idle_in_transaction_session_timeout": limit,
                },
            )
        except NOT_CREATED_YET as error:
            raise StorageUnavailableError(_error_text(error)) from error
        self._open.add(connection)
        return connection

    def _take_idle(self) -> "Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        return None

    def _release(self, connection: Connection) -> None:
        if self._closed:
            self._abort(connection)
        else:
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._abort(self._idle.pop())

    def _abort(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.terminate()


def _lost(reason: str, *, write_sent: bool) -> StorageError:
    return StorageOutcomeUnknownError(reason) if write_sent else StorageUnavailableError(reason)


def _error_text(error: BaseException) -> str:
    return str(error) or type(error).__name__
