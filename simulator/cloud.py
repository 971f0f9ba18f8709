"""The parts of the simulated cloud, tied together."""

from dataclasses import dataclass, field
from pathlib import Path

from simulator.certs import Signer
from simulator.faults import Faults
from simulator.feedback import Feedback
from simulator.ledger import Ledger
from simulator.mailbox import Mailbox
from simulator.publisher import Publisher
from simulator.quota import SendQuota
from simulator.settings import Settings
from simulator.store import Store
from simulator.zones import Zones


@dataclass
class Cloud:
    """What handlers work on."""

    store: Store
    settings: Settings
    signer: Signer
    seed: int = 0
    keep_mails: int = 5_000
    ledger: Ledger = field(init=False)
    mailbox: Mailbox = field(init=False)
    faults: Faults = field(init=False)
    publisher: Publisher = field(init=False)
    feedback: Feedback = field(init=False)
    zones: Zones = field(init=False)
    control_calls: dict[str, float] = field(default_factory=dict)
    _quotas: dict[tuple[str, str], SendQuota] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.zones = Zones(self.store.state.zones)
        self.ledger = Ledger()
        self.mailbox = Mailbox(self.keep_mails)
        self.faults = Faults(self.seed)
        self.publisher = Publisher(self.store, self.settings, self.signer, self.ledger)
        self.feedback = Feedback(self.store, self.settings, self.publisher, self.mailbox)

    def quota(self, account: str, region: str) -> SendQuota:
        """Return the counters of an account in a region."""
        key = (account, region)
        found = self._quotas.get(key)
        if found is None:
            found = self._quotas[key] = SendQuota()
        return found

    def forget(self, account: str) -> None:
        """Drop an account's counters, faults and sessions."""
        self._quotas = {key: q for key, q in self._quotas.items() if key[0] != account}
        self.faults.clear(account)
        sessions = self.store.state.sessions
        self.store.state.sessions = {k: s for k, s in sessions.items() if s.account != account}

    def reset_traffic(self) -> None:
        """Forget what was sent, counted and delivered; accounts and what they hold stay."""
        self.ledger.reset()
        self.mailbox.clear()
        self.publisher.reset()
        self._quotas.clear()


def state_file(data: Path | None) -> Path | None:
    """Return where the state is kept in a data directory, which is made if missing."""
    if data is None:
        return None
    data.mkdir(parents=True, exist_ok=True)
    return data / "simulator.json"
