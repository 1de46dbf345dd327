"""The network, and `apply`: the one door by which it changes."""

from __future__ import annotations

from typing import Any, Final

from protocols.chat.network import (
    bans,
    callerid,
    channelmodes,
    channels,
    events,
    kept,
    lasting,
    messages,
    metadata,
    monitors,
    people,
    registered,
)
from protocols.chat.network.deliveries import Delivery, Note, Reply
from protocols.chat.network.events import Arrive, Event, LoseAccount, NewAccount, Restore
from protocols.chat.network.state import State
from protocols.chat.numerics import Denial, Refusal

APPLIERS: Final[dict[type[Event], Any]] = {
    events.Arrive: people.arrive,
    events.Leave: people.leave,
    events.Rename: people.rename,
    events.SetAway: people.set_away,
    events.SetRealname: people.set_realname,
    events.SetAccount: people.set_account,
    events.SetHost: people.set_host,
    events.SetUserModes: people.set_user_modes,
    events.BecomeOper: people.become_oper,
    events.Kill: people.kill,
    events.Wallops: people.wallops,
    events.Monitor: monitors.monitor,
    events.Unmonitor: monitors.unmonitor,
    events.Join: channels.join,
    events.Part: channels.part,
    events.Kick: channels.kick,
    events.Invite: channels.invite,
    events.SetTopic: channels.set_topic,
    events.SetChannelModes: channelmodes.set_channel_modes,
    events.Register: registered.register,
    events.Unregister: registered.unregister,
    events.SetAccess: registered.set_access,
    events.TakeRank: registered.take_rank,
    events.Accept: callerid.accept,
    events.SetMetadata: metadata.set_metadata,
    events.ClearMetadata: metadata.clear_metadata,
    events.Subscribe: metadata.subscribe,
    events.Unsubscribe: metadata.unsubscribe,
    events.SetBan: bans.set_ban,
    events.LiftBan: bans.lift_ban,
    events.NewAccount: lasting.new_account,
    events.LoseAccount: lasting.lose_account,
    events.Restore: lasting.restore,
    events.Speak: messages.speak,
    events.Redact: kept.redact,
    events.MarkRead: kept.mark_read,
}
"""Which function applies which event: f(network, author, event, out)."""
BEFORE_ANYBODY: Final = (Arrive, LoseAccount, NewAccount, Restore)
"""The events that have no author in the network yet."""


class Network(State):
    """Users, channels, monitors and those who were, changed by events alone."""

    def apply(self, event: Event) -> list[Delivery]:
        """Let it happen, or refuse it; returns what there is to say about it."""
        out: list[Delivery] = []
        author = self.sessions.get(event.session)
        # An author who is gone by now does nothing more, and nobody arrives twice.
        if (author is None) is not (type(event) in BEFORE_ANYBODY):
            return out
        try:
            APPLIERS[type(event)](self, author, event, out)
        except Refusal as refusal:
            out.append(Reply(refusal.numeric, refusal.arguments))
        except Denial as denial:
            out.append(Note(denial.words, denial.service))
        return out
