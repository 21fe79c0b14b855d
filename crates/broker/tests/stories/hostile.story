# Rows of hostile inputs that a broker decides (the identifiers are theirs).

== MQ01: QoS 2 without any PUBREL: 0x93 at Receive Maximum
limits receive_maximum=3
a: CONNECT
    a < CONNACK Success
a: PUBLISH t 1 qos2 #1
    accepted from a
    a < PUBREC #1 NoMatchingSubscribers
a: PUBLISH t 2 qos2 #2
    accepted from a
    a < PUBREC #2 NoMatchingSubscribers
a: PUBLISH t 3 qos2 #3
    accepted from a
    a < PUBREC #3 NoMatchingSubscribers
a: PUBLISH t 3 qos2 #3 dup
    a < PUBREC #3
a: PUBLISH t 4 qos2 #4
    a close ReceiveMaximumExceeded (more QoS 2 publications than Receive Maximum [MQTT-3.3.4-7])
    a ended, client a
    event: disconnected, Closed(ReceiveMaximumExceeded)
    event: session of a ended

== MQ01: a released one makes room, and so does a refused one [MQTT-4.3.3-9]
limits receive_maximum=1
a: CONNECT
    a < CONNACK Success
a: PUBLISH t 1 qos2 #1
    accepted from a
    a < PUBREC #1 NoMatchingSubscribers
a: PUBREL #1
    a < PUBCOMP #1
a: PUBLISH t 2 qos2 #2
    accepted from a
    a < PUBREC #2 NoMatchingSubscribers
a: PUBLISH $no 3 qos1 #3
    event: publication of a to $no refused, NotAuthorized
    a < PUBACK #3 NotAuthorized
a: PUBREL #2
    a < PUBCOMP #2
a: PUBLISH $no 4 qos2 #4
    a < PUBREC #4 NotAuthorized
a: PUBLISH t 5 qos2 #5
    accepted from a
    a < PUBREC #5 NoMatchingSubscribers

== MQ01: 3.1.1 knows no Receive Maximum; its packet ids are the bound
limits receive_maximum=1
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH t 1 qos2 #1
    accepted from a
    a < PUBREC #1
a: PUBLISH t 2 qos2 #2
    accepted from a
    a < PUBREC #2

== MQ03: PUBREL for an unknown id: PUBCOMP 0x92, plain in 3.1.1
a: CONNECT
    a < CONNACK Success
a: PUBREL #9
    a < PUBCOMP #9 PacketIdentifierNotFound
b: CONNECT v3
    b < CONNACK Success
b: PUBREL #9
    b < PUBCOMP #9

== MQ04: acknowledgements for unknown ids are ignored and counted, the window is not corrupted
a: CONNECT receive=1
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: PUBACK #1
a: PUBCOMP #1
a: PUBREC #1 0x80
a: PUBREC #1
    a < PUBREL #1 PacketIdentifierNotFound
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos1
    accepted
a: PUBACK #2
a: PUBACK #65535
stats acknowledgements_unknown
    acknowledgements_unknown: 6
a: PUBACK #1
    a < PUBLISH t 2 qos1 #2
a: PUBACK #1

== MQ04: PUBACK for a QoS 2 PUBLISH
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t 1 qos2
    accepted
    a < PUBLISH t 1 qos2 #1
a: PUBACK #1
    a close ProtocolError (PUBACK for a QoS 2 PUBLISH)
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== MQ04: PUBREC for a QoS 1 PUBLISH
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
a: PUBREC #1
    a close ProtocolError (PUBREC for a QoS 1 PUBLISH)
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== MQ04: PUBCOMP before PUBREC
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t 1 qos2
    accepted
    a < PUBLISH t 1 qos2 #1
a: PUBCOMP #1
    a close ProtocolError (PUBCOMP before PUBREC)
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== MQ04: an answer to what was not sent again yet over this connection
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
repeat 3 | local: PUBLISH t % qos2
    accepted
    a < PUBLISH t 1 qos2 #1
    accepted
    a < PUBLISH t 2 qos2 #2
    accepted
    a < PUBLISH t 3 qos2 #3
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=never receive=1
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos2 #1 dup
a: PUBREC #3
    a < PUBREL #3
a: PUBREC #2 0x80
a: PUBCOMP #3
a: PUBREC #1
    a < PUBREL #1
a: PUBCOMP #1
local: PUBLISH t 4 qos1
    accepted
    a < PUBLISH t 4 qos1 #4

== MQ11: a keep-alive of none or of a day is cut to the maximum
limits keep_alive_max=100s
a: CONNECT keep=0s v3
    a < CONNACK Success
b: CONNECT keep=65535s
    b < CONNACK Success keep=100s
wait 150s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended
    b close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    b ended, client b
    event: disconnected, KeepAlive
    event: session of b ended

== MT13: publishing to $share does not reach a shared subscription
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE $share/g/t
    a < SUBACK #1 qos0
a: PUBLISH $share/g/t x qos1
    event: publication of a to $share/g/t refused, NotAuthorized
    a < PUBACK #1 NotAuthorized

== MF08: a second CONNECT on a live connection: the will is published, the session kept as it was to be
a: CONNECT expiry=60s will(t,bye)
    a < CONNACK Success
a: CONNECT again
    a close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Closed(ProtocolError)
session a
    absent, 0 subscriptions, 0 queued, 0 in flight
b: CONNECT v3 resume will(t,bye)
    b < CONNACK Success
b: CONNECT again v3
    b close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    accepted will of b: t
    event: will of b published to t
    b ended, client b
    event: disconnected, Closed(ProtocolError)
session b
    absent, 0 subscriptions, 0 queued, 0 in flight

== MQ08: sessions that are kept for ever run into the quota; those that expire make room, and take what waited with them
limits sessions_max=2
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT expiry=10s
    b < CONNACK Success
b: SUBSCRIBE t qos1
    b < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
local: PUBLISH t x qos1
    accepted
c: CONNECT
    c < CONNACK QuotaExceeded (too many sessions)
    event: "c" refused, QuotaExceeded (too many sessions)
    c close
wait 10s
    event: session of b expired
c: CONNECT
    c < CONNACK Success
stats dropped_session_ended
    dropped_session_ended: 1

== MQ14: two clients with one id: the one before is told 0x8E each time, and nothing is left of it
a: CONNECT id=same
    a < CONNACK Success
b: CONNECT id=same
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client same
    event: disconnected, TakenOver { resumed: false }
    event: session of same ended
    b < CONNACK Success
a: CONNECT id=same
    b close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    b ended, client same
    event: disconnected, TakenOver { resumed: false }
    event: session of same ended
    a < CONNACK Success
b: CONNECT id=same
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client same
    event: disconnected, TakenOver { resumed: false }
    event: session of same ended
    b < CONNACK Success
session same
    connected, 0 subscriptions, 0 queued, 0 in flight
