# CONNECT, chapters 3.1, 3.2 and 4.12.

== Both versions are served side by side
a: CONNECT
    a < CONNACK Success
b: CONNECT v3
    b < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: PUBLISH t hello
    accepted from a
    a < PUBLISH t hello
    b < PUBLISH t hello
a: PINGREQ
    a < PINGRESP

== An empty client id gets one of ours, and a 5.0 client is told which [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
a: CONNECT id=
    a < CONNACK Success client_id=factree-e220a8397b1dcdaf
b: CONNECT id= resume
    b < CONNACK Success client_id=factree-6e789e6aa1b965f4
c: CONNECT id= v3
    c < CONNACK Success

== In 3.1.1 an empty client id needs a clean session (3.1.1: [MQTT-3.1.3-8])
a: CONNECT id= v3 resume
    a < CONNACK ClientIdentifierNotValid
    event: "" refused, ClientIdentifierNotValid (an empty client id needs a clean session)
    a close

== A second CONNECT is a protocol error [MQTT-3.1.0-2]
a: CONNECT
    a < CONNACK Success
a: CONNECT again
    a close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended
a: PINGREQ

== A second CONNECT closes a 3.1.1 client too
a: CONNECT v3
    a < CONNACK Success
a: CONNECT again v3
    a close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== No enhanced authentication: CONNACK 0x8C [MQTT-4.12.0-1] [MQTT-4.12.0-4]
a: CONNECT auth=SCRAM-SHA-256
    a < CONNACK BadAuthenticationMethod (no enhanced authentication method is supported)
    event: "a" refused, BadAuthenticationMethod (no enhanced authentication method is supported)
    a close

== AUTH from a client that began without a method is a protocol error [MQTT-4.12.0-7]
a: CONNECT
    a < CONNACK Success
a: AUTH
    a close ProtocolError (AUTH without an authentication method [MQTT-4.12.0-7])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== Packets only a server sends [MQTT-4.13.1-1]
a: CONNECT
    a < CONNACK Success
a: PINGRESP
    a close ProtocolError (a packet that only a server sends)
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== PINGREQ is answered [MQTT-3.12.4-1]
a: CONNECT
    a < CONNACK Success
a: PINGREQ
    a < PINGRESP

== Silence of one and a half times the keep-alive ends the connection, a packet prolongs it [MQTT-3.1.2-22] [MQTT-3.2.2-22]
a: CONNECT keep=10s
    a < CONNACK Success
wait 14s
a: PINGREQ
    a < PINGRESP
wait 14s
wait 1s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended
a: PINGREQ

== 3.1.1 is told nothing, and closed
a: CONNECT keep=10s v3
    a < CONNACK Success
wait 15s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended

== Keep-alive also fires while deliveries go out: only what the client sends counts
a: CONNECT keep=10s
    a < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
b: CONNECT
    b < CONNACK Success
wait 10s
b: PUBLISH t x
    accepted from b
    a < PUBLISH t x
wait 5s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended

== A longer keep-alive than the maximum, or none, is replaced [MQTT-3.2.2-21] [MQTT-3.1.2-21]; 3.1.1 is not told
limits keep_alive_max=60s
a: CONNECT keep=100s
    a < CONNACK Success keep=60s
b: CONNECT keep=0s
    b < CONNACK Success keep=60s
c: CONNECT keep=60s
    c < CONNACK Success
d: CONNECT keep=0s v3
    d < CONNACK Success
wait 90s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended
    b close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    b ended, client b
    event: disconnected, KeepAlive
    event: session of b ended
    c close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    c ended, client c
    event: disconnected, KeepAlive
    event: session of c ended
    d close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    d ended, client d
    event: disconnected, KeepAlive
    event: session of d ended

== A session expiry above the maximum is cut, and said so (3.2.2.3.2)
limits session_expiry_max=60s
a: CONNECT expiry=never
    a < CONNACK Success expiry=After(60s)
b: CONNECT expiry=30s
    b < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
wait 59s
    event: session of b expired
wait 1s
    event: session of a expired

== Too many sessions: 0x97, 3.1.1 has only 3; who is known may return
limits sessions_max=1
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT
    b < CONNACK QuotaExceeded (too many sessions)
    event: "b" refused, QuotaExceeded (too many sessions)
    b close
c: CONNECT v3
    c < CONNACK ServerUnavailable
    event: "c" refused, QuotaExceeded (too many sessions)
    c close
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: CONNECT
    b < CONNACK QuotaExceeded (too many sessions)
    event: "b" refused, QuotaExceeded (too many sessions)
    b close
a: CONNECT resume expiry=never
    a < CONNACK Success session_present

== The log is told who connected, and how
listen
a: CONNECT keep=5s expiry=never
    a < CONNACK Success
    event: a connected, V5, keep-alive 5s, clean true, resumed false
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume
    a < CONNACK Success session_present
    event: a connected, V5, keep-alive 600s, clean false, resumed true
b: CONNECT v3 keep=0s
    b < CONNACK Success
    event: b connected, V311, keep-alive 65535s, clean true, resumed false

== Packets after the broker closed are nobody's
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: AUTH
    a close ProtocolError (AUTH without an authentication method [MQTT-4.12.0-7])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended
a: PUBLISH t x
a: LOST

== The CONNACK is the first packet and the only one of its kind, also where deliveries wait [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
local: PUBLISH t x qos1
    accepted
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t x qos1 #1
a: PUBACK #1
a: PINGREQ
    a < PINGRESP

== A refused CONNECT is over, and what comes behind it is nobody's [MQTT-3.1.4-2] [MQTT-3.1.4-6] [MQTT-3.2.2-7] [MQTT-4.13.2-1]
a: CONNECT auth=unknown
    a < CONNACK BadAuthenticationMethod (no enhanced authentication method is supported)
    event: "a" refused, BadAuthenticationMethod (no enhanced authentication method is supported)
    a close
a: PUBLISH t x retain
a: SUBSCRIBE t
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0

== A refusal explains itself, unless the client does not want to know [MQTT-3.1.2-29] or cannot take so much [MQTT-3.2.2-19]
a: CONNECT auth=unknown packet=54
    a < CONNACK BadAuthenticationMethod (no enhanced authentication method is supported)
    event: "a" refused, BadAuthenticationMethod (no enhanced authentication method is supported)
    a close
b: CONNECT auth=unknown packet=53
    b < CONNACK BadAuthenticationMethod
    event: "b" refused, BadAuthenticationMethod (no enhanced authentication method is supported)
    b close
c: CONNECT auth=unknown no_problems
    c < CONNACK BadAuthenticationMethod
    event: "c" refused, BadAuthenticationMethod (no enhanced authentication method is supported)
    c close

== Who takes no packet as large as a CONNACK cannot connect, and is told so if that fits [MQTT-3.1.2-24]
a: CONNECT packet=16
    a < CONNACK Success
b: CONNECT packet=15
    b < CONNACK PacketTooLarge
    event: "b" refused, PacketTooLarge (the client's Maximum Packet Size leaves no room for a CONNACK [MQTT-3.1.2-24])
    b close
c: CONNECT packet=4
    event: "c" refused, PacketTooLarge (the client's Maximum Packet Size leaves no room for a CONNACK [MQTT-3.1.2-24])
    c close
d: CONNECT id=d2 packet=16
    d < CONNACK Success
d2: CONNECT packet=15
    d2 < CONNACK PacketTooLarge
    event: "d2" refused, PacketTooLarge (the client's Maximum Packet Size leaves no room for a CONNACK [MQTT-3.1.2-24])
    d2 close
d: PINGREQ
    d < PINGRESP

== Nobody gets Response Information, asked for [MQTT-3.1.2-28] or not, and no CONNACK names an authentication method [MQTT-4.12.0-6] or has User Properties [MQTT-3.2.2-20]
a: CONNECT
    a < CONNACK Success
b: CONNECT information
    b < CONNACK Success

== A farewell explains itself as far as the client can take it [MQTT-3.14.2-3] [MQTT-3.14.2-4]
a: CONNECT packet=49
    a < CONNACK Success
a: CONNECT again
    a close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended
b: CONNECT packet=30
    b < CONNACK Success
b: CONNECT again
    b close ProtocolError
    b ended, client b
    event: disconnected, Closed(ProtocolError)
    event: session of b ended

== Client ids of letters and digits, and any others [MQTT-3.1.3-5]
a: CONNECT id=0
    a < CONNACK Success
b: CONNECT id=0123456789abcdefghijklm
    b < CONNACK Success
c: CONNECT id=nopqrstuvwxyzABCDEFGHIJ
    c < CONNACK Success
d: CONNECT id=KLMNOPQRSTUVWXYZ
    d < CONNACK Success
e: CONNECT id=Werk/2/Prüfstand#7+🤖
    e < CONNACK Success
