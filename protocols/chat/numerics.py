"""Every numeric reply, in one table: number, name, and form.

The table is the specification: replies, tests and `docs/coverage.md` walk it.  A form's `{field}`
is filled with one argument.  Before " :" it is one word: what a client said is made one, so that
nobody's words change what a reply means.  `{*field}` is several words of our own.

Texts are free ("Modern IRC", Numerics); these are the usual ones.
"""

from __future__ import annotations

import re
from typing import Final

_FIELD = re.compile(r"\{(\*?)\w+\}")


class Numeric:
    """One numeric reply (RFC 2812 §5)."""

    __slots__ = ("form", "name", "number", "template", "words")

    def __init__(self, number: int, name: str, form: str) -> None:
        self.number = f"{number:03}"
        self.name = name
        self.form = form
        self.template = _FIELD.sub("%s", form.replace("%", "%%"))
        middle = f" {form}".split(" :", 1)[0]
        self.words = tuple(at for at, star in enumerate(_FIELD.findall(middle)) if not star)
        """Which arguments must be one word each."""

    def fill(self, *arguments: object) -> str:
        """What follows the receiver's nick."""
        filled = [str(one) for one in arguments]
        for at in self.words:
            one = filled[at]
            if not one or one[0] == ":" or " " in one:
                filled[at] = one.lstrip(":").partition(" ")[0] or "*"
        return self.template % tuple(filled)

    def __repr__(self) -> str:
        return f"{self.number} {self.name}"


NUMERICS: Final[dict[str, Numeric]] = {}
"""By name."""


def _numeric(number: int, name: str, form: str) -> Numeric:
    numeric = NUMERICS[name] = Numeric(number, name, form)
    return numeric


RPL_WELCOME = _numeric(1, "RPL_WELCOME", ":Welcome to the {network} IRC Network, {source}")
RPL_YOURHOST = _numeric(2, "RPL_YOURHOST", ":Your host is {server}, running version {version}")
RPL_CREATED = _numeric(3, "RPL_CREATED", ":This server was created {time}")
RPL_MYINFO = _numeric(4, "RPL_MYINFO", "{server} {version} {usermodes} {channelmodes} {withparameter}")
RPL_ISUPPORT = _numeric(5, "RPL_ISUPPORT", "{*tokens} :are supported by this server")
RPL_UMODEIS = _numeric(221, "RPL_UMODEIS", "{modes}")
RPL_LUSERCLIENT = _numeric(
    251, "RPL_LUSERCLIENT", ":There are {users} users and {invisible} invisible on 1 servers"
)
RPL_LUSEROP = _numeric(252, "RPL_LUSEROP", "{operators} :operator(s) online")
RPL_LUSERUNKNOWN = _numeric(253, "RPL_LUSERUNKNOWN", "{connections} :unknown connection(s)")
RPL_LUSERCHANNELS = _numeric(254, "RPL_LUSERCHANNELS", "{channels} :channels formed")
RPL_LUSERME = _numeric(255, "RPL_LUSERME", ":I have {clients} clients and 0 servers")
RPL_ADMINME = _numeric(256, "RPL_ADMINME", "{server} :Administrative info")
RPL_ADMINLOC1 = _numeric(257, "RPL_ADMINLOC1", ":{text}")
RPL_ADMINLOC2 = _numeric(258, "RPL_ADMINLOC2", ":{text}")
RPL_ADMINEMAIL = _numeric(259, "RPL_ADMINEMAIL", ":{text}")
RPL_LOCALUSERS = _numeric(265, "RPL_LOCALUSERS", "{users} {most} :Current local users {users}, max {most}")
RPL_GLOBALUSERS = _numeric(266, "RPL_GLOBALUSERS", "{users} {most} :Current global users {users}, max {most}")
RPL_ACCEPTLIST = _numeric(281, "RPL_ACCEPTLIST", "{*nicks}")
RPL_ENDOFACCEPT = _numeric(282, "RPL_ENDOFACCEPT", ":End of /ACCEPT list")
RPL_AWAY = _numeric(301, "RPL_AWAY", "{nick} :{message}")
RPL_USERHOST = _numeric(302, "RPL_USERHOST", ":{replies}")
RPL_ISON = _numeric(303, "RPL_ISON", ":{nicks}")
RPL_UNAWAY = _numeric(305, "RPL_UNAWAY", ":You are no longer marked as being away")
RPL_NOWAWAY = _numeric(306, "RPL_NOWAWAY", ":You have been marked as being away")
RPL_WHOISUSER = _numeric(311, "RPL_WHOISUSER", "{nick} {username} {host} * :{realname}")
RPL_WHOISSERVER = _numeric(312, "RPL_WHOISSERVER", "{nick} {server} :{info}")
RPL_WHOISOPERATOR = _numeric(313, "RPL_WHOISOPERATOR", "{nick} :{title}")
RPL_WHOWASUSER = _numeric(314, "RPL_WHOWASUSER", "{nick} {username} {host} * :{realname}")
RPL_ENDOFWHO = _numeric(315, "RPL_ENDOFWHO", "{mask} :End of WHO list")
RPL_WHOISIDLE = _numeric(317, "RPL_WHOISIDLE", "{nick} {idle} {signon} :seconds idle, signon time")
RPL_ENDOFWHOIS = _numeric(318, "RPL_ENDOFWHOIS", "{nick} :End of /WHOIS list")
RPL_WHOISCHANNELS = _numeric(319, "RPL_WHOISCHANNELS", "{nick} :{channels}")
RPL_LISTSTART = _numeric(321, "RPL_LISTSTART", "Channel :Users  Name")
RPL_LIST = _numeric(322, "RPL_LIST", "{channel} {members} :{topic}")
RPL_LISTEND = _numeric(323, "RPL_LISTEND", ":End of /LIST")
RPL_CHANNELMODEIS = _numeric(324, "RPL_CHANNELMODEIS", "{channel} {*modes}")
RPL_CREATIONTIME = _numeric(329, "RPL_CREATIONTIME", "{channel} {time}")
RPL_WHOISACCOUNT = _numeric(330, "RPL_WHOISACCOUNT", "{nick} {account} :is logged in as")
RPL_NOTOPIC = _numeric(331, "RPL_NOTOPIC", "{channel} :No topic is set")
RPL_TOPIC = _numeric(332, "RPL_TOPIC", "{channel} :{topic}")
RPL_TOPICWHOTIME = _numeric(333, "RPL_TOPICWHOTIME", "{channel} {nick} {time}")
RPL_WHOISBOT = _numeric(335, "RPL_WHOISBOT", "{nick} :is a bot on {network}")
RPL_INVITELIST = _numeric(336, "RPL_INVITELIST", "{channel}")
RPL_ENDOFINVITELIST = _numeric(337, "RPL_ENDOFINVITELIST", ":End of /INVITE list")
RPL_WHOISACTUALLY = _numeric(338, "RPL_WHOISACTUALLY", "{nick} {userhost} {address} :Is actually using host")
RPL_INVITING = _numeric(341, "RPL_INVITING", "{nick} {channel}")
RPL_INVEXLIST = _numeric(346, "RPL_INVEXLIST", "{channel} {mask} {setter} {time}")
RPL_ENDOFINVEXLIST = _numeric(347, "RPL_ENDOFINVEXLIST", "{channel} :End of channel invite exception list")
RPL_EXCEPTLIST = _numeric(348, "RPL_EXCEPTLIST", "{channel} {mask} {setter} {time}")
RPL_ENDOFEXCEPTLIST = _numeric(349, "RPL_ENDOFEXCEPTLIST", "{channel} :End of channel exception list")
RPL_VERSION = _numeric(351, "RPL_VERSION", "{version} {server} :{comments}")
RPL_WHOREPLY = _numeric(
    352, "RPL_WHOREPLY", "{channel} {username} {host} {server} {nick} {flags} :0 {realname}"
)
RPL_NAMREPLY = _numeric(353, "RPL_NAMREPLY", "{symbol} {channel} :{names}")
RPL_WHOSPCRPL = _numeric(354, "RPL_WHOSPCRPL", "{*fields}")
RPL_LINKS = _numeric(364, "RPL_LINKS", "{server} {server} :0 {info}")
RPL_ENDOFLINKS = _numeric(365, "RPL_ENDOFLINKS", "{mask} :End of /LINKS list")
RPL_ENDOFNAMES = _numeric(366, "RPL_ENDOFNAMES", "{channel} :End of /NAMES list")
RPL_BANLIST = _numeric(367, "RPL_BANLIST", "{channel} {mask} {setter} {time}")
RPL_ENDOFBANLIST = _numeric(368, "RPL_ENDOFBANLIST", "{channel} :End of channel ban list")
RPL_ENDOFWHOWAS = _numeric(369, "RPL_ENDOFWHOWAS", "{nick} :End of WHOWAS")
RPL_INFO = _numeric(371, "RPL_INFO", ":{text}")
RPL_MOTD = _numeric(372, "RPL_MOTD", ":- {text}")
RPL_ENDOFINFO = _numeric(374, "RPL_ENDOFINFO", ":End of /INFO list")
RPL_MOTDSTART = _numeric(375, "RPL_MOTDSTART", ":- {server} Message of the day - ")
RPL_ENDOFMOTD = _numeric(376, "RPL_ENDOFMOTD", ":End of /MOTD command.")
RPL_WHOISHOST = _numeric(378, "RPL_WHOISHOST", "{nick} :is connecting from {userhost} {address}")
RPL_WHOISMODES = _numeric(379, "RPL_WHOISMODES", "{nick} :is using modes {modes}")
RPL_YOUREOPER = _numeric(381, "RPL_YOUREOPER", ":You are now an IRC operator")
RPL_REHASHING = _numeric(382, "RPL_REHASHING", "{file} :Rehashing")
RPL_TIME = _numeric(391, "RPL_TIME", "{server} {timestamp} 0 :{time}")
RPL_HOSTHIDDEN = _numeric(396, "RPL_HOSTHIDDEN", "{host} :is now your displayed host")
ERR_NOSUCHNICK = _numeric(401, "ERR_NOSUCHNICK", "{nick} :No such nick/channel")
ERR_NOSUCHSERVER = _numeric(402, "ERR_NOSUCHSERVER", "{server} :No such server")
ERR_NOSUCHCHANNEL = _numeric(403, "ERR_NOSUCHCHANNEL", "{channel} :No such channel")
ERR_CANNOTSENDTOCHAN = _numeric(404, "ERR_CANNOTSENDTOCHAN", "{channel} :Cannot send to channel ({why})")
ERR_TOOMANYCHANNELS = _numeric(405, "ERR_TOOMANYCHANNELS", "{channel} :You have joined too many channels")
ERR_WASNOSUCHNICK = _numeric(406, "ERR_WASNOSUCHNICK", "{nick} :There was no such nickname")
ERR_TOOMANYTARGETS = _numeric(407, "ERR_TOOMANYTARGETS", "{target} :Too many targets")
ERR_INVALIDCAPCMD = _numeric(410, "ERR_INVALIDCAPCMD", "{subcommand} :Invalid CAP command")
ERR_NORECIPIENT = _numeric(411, "ERR_NORECIPIENT", ":No recipient given ({command})")
ERR_NOTEXTTOSEND = _numeric(412, "ERR_NOTEXTTOSEND", ":No text to send")
ERR_INPUTTOOLONG = _numeric(417, "ERR_INPUTTOOLONG", ":Input line was too long")
ERR_UNKNOWNCOMMAND = _numeric(421, "ERR_UNKNOWNCOMMAND", "{command} :Unknown command")
ERR_NOMOTD = _numeric(422, "ERR_NOMOTD", ":MOTD File is missing")
ERR_NOADMININFO = _numeric(423, "ERR_NOADMININFO", "{server} :No administrative info available")
ERR_NONICKNAMEGIVEN = _numeric(431, "ERR_NONICKNAMEGIVEN", ":No nickname given")
ERR_ERRONEUSNICKNAME = _numeric(432, "ERR_ERRONEUSNICKNAME", "{nick} :Erroneous nickname")
ERR_NICKNAMEINUSE = _numeric(433, "ERR_NICKNAMEINUSE", "{nick} :Nickname is already in use")
ERR_USERNOTINCHANNEL = _numeric(441, "ERR_USERNOTINCHANNEL", "{nick} {channel} :They aren't on that channel")
ERR_NOTONCHANNEL = _numeric(442, "ERR_NOTONCHANNEL", "{channel} :You're not on that channel")
ERR_USERONCHANNEL = _numeric(443, "ERR_USERONCHANNEL", "{nick} {channel} :is already on channel")
ERR_ACCEPTFULL = _numeric(456, "ERR_ACCEPTFULL", ":Accept list is full")
ERR_ACCEPTEXIST = _numeric(457, "ERR_ACCEPTEXIST", "{nick} :is already on your accept list")
ERR_ACCEPTNOT = _numeric(458, "ERR_ACCEPTNOT", "{nick} :is not on your accept list")
ERR_NOTREGISTERED = _numeric(451, "ERR_NOTREGISTERED", ":You have not registered")
ERR_NEEDMOREPARAMS = _numeric(461, "ERR_NEEDMOREPARAMS", "{command} :Not enough parameters")
ERR_ALREADYREGISTERED = _numeric(462, "ERR_ALREADYREGISTERED", ":You may not reregister")
ERR_PASSWDMISMATCH = _numeric(464, "ERR_PASSWDMISMATCH", ":Password incorrect")
ERR_YOUREBANNEDCREEP = _numeric(465, "ERR_YOUREBANNEDCREEP", ":You are banned from this server ({reason})")
ERR_KEYSET = _numeric(467, "ERR_KEYSET", "{channel} :Channel key already set")
ERR_CHANNELISFULL = _numeric(471, "ERR_CHANNELISFULL", "{channel} :Cannot join channel (+l)")
ERR_UNKNOWNMODE = _numeric(472, "ERR_UNKNOWNMODE", "{mode} :is unknown mode char to me")
ERR_INVITEONLYCHAN = _numeric(473, "ERR_INVITEONLYCHAN", "{channel} :Cannot join channel (+i)")
ERR_BANNEDFROMCHAN = _numeric(474, "ERR_BANNEDFROMCHAN", "{channel} :Cannot join channel (+b)")
ERR_BADCHANNELKEY = _numeric(475, "ERR_BADCHANNELKEY", "{channel} :Cannot join channel (+k)")
ERR_BADCHANMASK = _numeric(476, "ERR_BADCHANMASK", "{channel} :Bad Channel Mask")
ERR_NEEDREGGEDNICK = _numeric(
    477, "ERR_NEEDREGGEDNICK", "{target} :You need to be logged in to an account to do that"
)
ERR_BANLISTFULL = _numeric(478, "ERR_BANLISTFULL", "{channel} {mask} :Channel list is full")
ERR_NOPRIVILEGES = _numeric(481, "ERR_NOPRIVILEGES", ":Permission Denied- You're not an IRC operator")
ERR_CHANOPRIVSNEEDED = _numeric(482, "ERR_CHANOPRIVSNEEDED", "{channel} :You're not channel operator")
ERR_NOOPERHOST = _numeric(491, "ERR_NOOPERHOST", ":No such operator here")
ERR_UMODEUNKNOWNFLAG = _numeric(501, "ERR_UMODEUNKNOWNFLAG", ":Unknown MODE flag")
ERR_USERSDONTMATCH = _numeric(502, "ERR_USERSDONTMATCH", ":Cant change mode for other users")
ERR_HELPNOTFOUND = _numeric(524, "ERR_HELPNOTFOUND", "{subject} :No help available on this topic")
ERR_INVALIDKEY = _numeric(525, "ERR_INVALIDKEY", "{channel} :Key is not well-formed")
RPL_WHOISSECURE = _numeric(671, "RPL_WHOISSECURE", "{nick} :is using a secure connection")
ERR_INVALIDMODEPARAM = _numeric(696, "ERR_INVALIDMODEPARAM", "{target} {mode} {parameter} :{why}")
RPL_HELPSTART = _numeric(704, "RPL_HELPSTART", "{subject} :{text}")
RPL_HELPTXT = _numeric(705, "RPL_HELPTXT", "{subject} :{text}")
RPL_ENDOFHELP = _numeric(706, "RPL_ENDOFHELP", "{subject} :{text}")
RPL_TARGUMODEG = _numeric(716, "RPL_TARGUMODEG", "{nick} :is in +g mode (server-side ignore)")
RPL_TARGNOTIFY = _numeric(717, "RPL_TARGNOTIFY", "{nick} :has been informed that you messaged them")
RPL_UMODEGMSG = _numeric(718, "RPL_UMODEGMSG", "{nick} {userhost} :is messaging you, and you have umode +g")
ERR_NOPRIVS = _numeric(723, "ERR_NOPRIVS", "{privilege} :Insufficient oper privileges.")
RPL_MONONLINE = _numeric(730, "RPL_MONONLINE", ":{targets}")
RPL_MONOFFLINE = _numeric(731, "RPL_MONOFFLINE", ":{targets}")
RPL_MONLIST = _numeric(732, "RPL_MONLIST", ":{targets}")
RPL_ENDOFMONLIST = _numeric(733, "RPL_ENDOFMONLIST", ":End of MONITOR list")
ERR_MONLISTFULL = _numeric(734, "ERR_MONLISTFULL", "{limit} {targets} :Monitor list is full.")
RPL_WHOISKEYVALUE = _numeric(760, "RPL_WHOISKEYVALUE", "{target} {key} {visibility} :{value}")
RPL_KEYVALUE = _numeric(761, "RPL_KEYVALUE", "{target} {key} {visibility} :{value}")
RPL_KEYNOTSET = _numeric(766, "RPL_KEYNOTSET", "{target} {key} :key not set")
RPL_METADATASUBOK = _numeric(770, "RPL_METADATASUBOK", "{*keys}")
RPL_METADATAUNSUBOK = _numeric(771, "RPL_METADATAUNSUBOK", "{*keys}")
RPL_METADATASUBS = _numeric(772, "RPL_METADATASUBS", "{*keys}")
RPL_METADATASYNCLATER = _numeric(774, "RPL_METADATASYNCLATER", "{target} {seconds} :Try again later")
RPL_LOGGEDIN = _numeric(900, "RPL_LOGGEDIN", "{source} {account} :You are now logged in as {account}")
RPL_LOGGEDOUT = _numeric(901, "RPL_LOGGEDOUT", "{source} :You are now logged out")
ERR_NICKLOCKED = _numeric(902, "ERR_NICKLOCKED", ":You must use a nick assigned to you")
RPL_SASLSUCCESS = _numeric(903, "RPL_SASLSUCCESS", ":SASL authentication successful")
ERR_SASLFAIL = _numeric(904, "ERR_SASLFAIL", ":SASL authentication failed")
ERR_SASLTOOLONG = _numeric(905, "ERR_SASLTOOLONG", ":SASL message too long")
ERR_SASLABORTED = _numeric(906, "ERR_SASLABORTED", ":SASL authentication aborted")
ERR_SASLALREADY = _numeric(907, "ERR_SASLALREADY", ":You have already authenticated using SASL")
RPL_SASLMECHS = _numeric(908, "RPL_SASLMECHS", "{mechanisms} :are available SASL mechanisms")


class Denial(Exception):
    """Refused in words, for which there is no numeric: `service` says them, or else the server."""

    def __init__(self, words: str, service: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.service = service


class Refusal(Exception):
    """A command refused: the numeric that says so, and what fills it."""

    def __init__(self, numeric: Numeric, *arguments: object) -> None:
        super().__init__(numeric.name)
        self.numeric = numeric
        self.arguments = arguments
