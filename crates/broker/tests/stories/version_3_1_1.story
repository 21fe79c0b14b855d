# MQTT 3.1.1, where a client of that version sees it: the statements of the older specification by its own numbers.

== CONNECT: one CONNACK, first and without Session Present (3.1.1: [MQTT-3.1.4-4] [MQTT-3.2.0-1] [MQTT-3.2.2-1] [MQTT-3.2.2-3])
a: CONNECT v3
    a < CONNACK Success
b: CONNECT v3 resume
    b < CONNACK Success

== A second CONNECT ends the connection, and what follows is nobody's (3.1.1: [MQTT-3.1.0-2])
a: CONNECT v3
    a < CONNACK Success
a: CONNECT again v3
    a close ProtocolError (a second CONNECT [MQTT-3.1.0-2])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended
a: PUBLISH t x retain

== A refused CONNECT is over, and what comes behind it is nobody's (3.1.1: [MQTT-3.1.3-8] [MQTT-3.1.4-5] [MQTT-3.2.2-5])
a: CONNECT v3 id= resume
    a < CONNACK ClientIdentifierNotValid
    event: "" refused, ClientIdentifierNotValid (an empty client id needs a clean session)
    a close
a: PUBLISH t x retain
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0

== Client ids: given to who has none, letters and digits, a session each (3.1.1: [MQTT-3.1.3-2] [MQTT-3.1.3-5] [MQTT-3.1.3-6])
a: CONNECT v3 id=
    a < CONNACK Success
b: CONNECT v3 id=
    b < CONNACK Success
a: PINGREQ
    a < PINGRESP
b: PINGREQ
    b < PINGRESP
c: CONNECT v3 id=0123456789abcdefghijklm
    c < CONNACK Success
d: CONNECT v3 id=nopqrstuvwxyzABCDEFGHIJ
    d < CONNACK Success
e: CONNECT v3 id=KLMNOPQRSTUVWXYZ
    e < CONNACK Success

== The same client id again: the old connection is closed (3.1.1: [MQTT-3.1.4-2])
a: CONNECT v3
    a < CONNACK Success
a2: CONNECT v3 id=a
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success
a: PINGREQ
a2: PINGREQ
    a2 < PINGRESP

== Clean Session 0: the session lasts, with subscriptions and QoS 1 and 2 messages (3.1.1: [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.4-3] [MQTT-3.2.2-2] [MQTT-4.1.0-1] [MQTT-4.1.0-2])
a: CONNECT v3 resume
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
wait 500s
a: PINGREQ
    a < PINGRESP
a: DISCONNECT
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
local: PUBLISH t 0
    accepted
local: PUBLISH t 1 qos1
    accepted
local: PUBLISH t 2 qos2
    accepted
a: CONNECT v3 resume
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos1 #1
    a < PUBLISH t 2 qos2 #2

== Clean Session 1: the session before is forgotten, and so is this one at its end (3.1.1: [MQTT-3.1.2-6] [MQTT-3.1.4-3] [MQTT-3.2.2-1])
a: CONNECT v3 resume
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: DISCONNECT
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
a: CONNECT v3
    event: session of a ended
    a < CONNACK Success
a: SUBSCRIBE u qos1
    a < SUBACK #1 qos1
a: DISCONNECT
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
    event: session of a ended
a: CONNECT v3 resume
    a < CONNACK Success
local: PUBLISH t x qos1
    accepted
local: PUBLISH u x qos1
    accepted

== Silence of one and a half times the keep-alive (3.1.1: [MQTT-3.1.2-24])
a: CONNECT v3 keep=10s will(t,bye)
    a < CONNACK Success
wait 14s
a: PINGREQ
    a < PINGRESP
wait 15s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended

== The will: kept, published when the connection closes without DISCONNECT, once (3.1.1: [MQTT-3.1.2-8] [MQTT-3.1.2-10])
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t qos2
    b < SUBACK #1 qos2
a: CONNECT v3 resume will(t,bye,qos2)
    a < CONNACK Success
a: LOST
    accepted will of a: t
    event: will of a published to t
    b < PUBLISH t bye qos2 #1
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT v3 resume
    a < CONNACK Success session_present
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)

== The will: taken back by DISCONNECT, and none where none was left (3.1.1: [MQTT-3.1.2-12] [MQTT-3.14.4-3])
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE #
    b < SUBACK #1 qos0
a: CONNECT v3 will(t,bye)
    a < CONNACK Success
a: DISCONNECT
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
    event: session of a ended
a: CONNECT v3
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended

== The will: retained or not, as it was left (3.1.1: [MQTT-3.1.2-16] [MQTT-3.1.2-17])
a: CONNECT v3 will(t,bye)
    a < CONNACK Success
a: LOST
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
b: CONNECT v3 will(u,bye,retain)
    b < CONNACK Success
b: LOST
    accepted will of b: u
    event: will of b published to u
    b ended, client b
    event: disconnected, Lost(Closed)
    event: session of b ended
c: CONNECT v3
    c < CONNACK Success
c: SUBSCRIBE #
    c < SUBACK #1 qos0
    c < PUBLISH u bye retain

== Retained messages: kept with their QoS, the last of each topic, and outlive their session (3.1.1: [MQTT-3.1.2-7] [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8] [MQTT-3.3.1-9])
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t qos2
    b < SUBACK #1 qos2
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH t 1 retain qos1
    accepted from a
    b < PUBLISH t 1 qos1 #1
    a < PUBACK #1
a: PUBLISH u 2 retain qos2 #2
    accepted from a
    a < PUBREC #2
a: PUBLISH t 3 retain
    accepted from a
    b < PUBLISH t 3
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
c: CONNECT v3
    c < CONNACK Success
c: SUBSCRIBE # qos2
    c < SUBACK #1 qos2
    c < PUBLISH t 3 retain
    c < PUBLISH u 2 qos2 #1 retain

== Retained messages: taken away by an empty payload, left alone without the flag (3.1.1: [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.3.1-12])
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH t 1 retain
    accepted from a
a: SUBSCRIBE t
    a < SUBACK #1 qos0
    a < PUBLISH t 1 retain
a: PUBLISH t 2
    accepted from a
    a < PUBLISH t 2
a: SUBSCRIBE t
    a < SUBACK #1 qos0
    a < PUBLISH t 1 retain
a: PUBLISH t -
    accepted from a
    a < PUBLISH t -
a: SUBSCRIBE t
    a < SUBACK #1 qos0
    a < PUBLISH t 1 retain
a: PUBLISH t - retain
    accepted from a
    a < PUBLISH t -
a: SUBSCRIBE t
    a < SUBACK #1 qos0

== SUBSCRIBE: one SUBACK, a return code for each filter in their order (3.1.1: [MQTT-2.3.1-7] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1])
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE #77 a b/+ c+ # qos1
    a < SUBACK #77 qos1 qos1 UnspecifiedError qos1

== SUBSCRIBE: the same filter again replaces, sends retained messages again and loses nothing (3.1.1: [MQTT-3.8.4-3])
a: CONNECT v3
    a < CONNACK Success
local: PUBLISH t old retain
    accepted
hold a
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
    a wake
local: PUBLISH t 1 qos1
    accepted
a: SUBSCRIBE t
    a < SUBACK #1 qos0
local: PUBLISH t 2 qos1
    accepted
read a
    a < PUBLISH t old retain
    a < PUBLISH t old retain
    a < PUBLISH t 1 qos1 #1
    a < PUBLISH t 2
session a
    connected, 1 subscriptions, 0 queued, 1 in flight

== QoS of a delivery: the lower of publication and subscription; of overlapping ones the highest (3.1.1: [MQTT-3.3.5-1] [MQTT-3.8.4-6])
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE t/# qos1
    a < SUBACK #1 qos1
a: SUBSCRIBE t/+
    a < SUBACK #1 qos0
local: PUBLISH t/x 2 qos2
    accepted
    a < PUBLISH t/x 2 qos1 #1
local: PUBLISH t/x 0
    accepted
    a < PUBLISH t/x 0
a: SUBSCRIBE t/x qos2
    a < SUBACK #1 qos2
local: PUBLISH t/x 2 qos2
    accepted
    a < PUBLISH t/x 2 qos2 #2

== UNSUBSCRIBE: character by character, answered in any case, and what has begun is completed (3.1.1: [MQTT-2.3.1-7] [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6])
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE a/b a/+ qos2
    a < SUBACK #1 qos2 qos2
local: PUBLISH a/b 1 qos2
    accepted
    a < PUBLISH a/b 1 qos2 #1
a: UNSUBSCRIBE #7 a/b A/+ nothing
    a < UNSUBACK #7
session a
    connected, 1 subscriptions, 0 queued, 1 in flight
a: UNSUBSCRIBE #8 a/+
    a < UNSUBACK #8
local: PUBLISH a/b 2 qos2
    accepted
a: PUBREC #1
    a < PUBREL #1
a: PUBCOMP #1
a: UNSUBSCRIBE #9 a/+
    a < UNSUBACK #9

== PINGREQ is answered (3.1.1: [MQTT-3.12.4-1])
a: CONNECT v3
    a < CONNACK Success
a: PINGREQ
    a < PINGRESP

== PUBLISH from a client: answered as its QoS asks (3.1.1: [MQTT-2.3.1-6] [MQTT-3.3.4-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2])
a: CONNECT v3
    a < CONNACK Success
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: PUBLISH t 0
    accepted from a
    b < PUBLISH t 0
a: PUBLISH t 1 qos1 #7
    accepted from a
    b < PUBLISH t 1
    a < PUBACK #7
a: PUBLISH t 1 qos1 #7 dup
    accepted from a
    b < PUBLISH t 1
    a < PUBACK #7
a: PUBLISH t 2 qos2 #8
    accepted from a
    b < PUBLISH t 2
    a < PUBREC #8
a: PUBLISH t 2 qos2 #8 dup
    a < PUBREC #8
a: PUBREL #8
    a < PUBCOMP #8
a: PUBLISH t 2 qos2 #8
    accepted from a
    b < PUBLISH t 2
    a < PUBREC #8
a: PUBREL #8
    a < PUBCOMP #8

== PUBLISH to a client: unacknowledged until answered, and never again with the PUBREL gone (3.1.1: [MQTT-2.3.1-4] [MQTT-4.3.1-1] [MQTT-4.3.2-1] [MQTT-4.3.3-1])
a: CONNECT v3 resume
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t 0
    accepted
    a < PUBLISH t 0
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos2
    accepted
    a < PUBLISH t 2 qos2 #2
session a
    connected, 1 subscriptions, 0 queued, 2 in flight
a: PUBACK #1
a: PUBREC #2
    a < PUBREL #2
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT v3 resume
    a < CONNACK Success session_present
    a < PUBREL #2
a: PUBCOMP #2
session a
    connected, 1 subscriptions, 0 queued, 0 in flight

== Redelivery: in the original order, with DUP and the packet ids of before (3.1.1: [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-4.6.0-1])
a: CONNECT v3 resume
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
repeat 4 | local: PUBLISH t % qos2
    accepted
    a < PUBLISH t 1 qos2 #1
    accepted
    a < PUBLISH t 2 qos2 #2
    accepted
    a < PUBLISH t 3 qos2 #3
    accepted
    a < PUBLISH t 4 qos2 #4
a: PUBREC #2
    a < PUBREL #2
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT v3 resume
    a < CONNACK Success session_present
    a < PUBREL #2
    a < PUBLISH t 1 qos2 #1 dup
    a < PUBLISH t 3 qos2 #3 dup
    a < PUBLISH t 4 qos2 #4 dup

== DUP says what happened on one hop, not before it (3.1.1: [MQTT-3.3.1-2] [MQTT-3.3.1-3])
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
b: PUBLISH t x qos1 dup
    accepted from b
    a < PUBLISH t x qos1 #1
    b < PUBLISH t x
    b < PUBACK #1

== Everybody with a matching subscription gets it, under its name, in the order it came (3.1.1: [MQTT-3.3.2-3] [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6])
a: CONNECT v3
    a < CONNACK Success
b: CONNECT v3 resume
    b < CONNACK Success
a: SUBSCRIBE t/+ qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE t/# qos1
    b < SUBACK #1 qos1
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
repeat 3 | local: PUBLISH t/x % qos1
    accepted
    a < PUBLISH t/x 1 qos1 #1
    accepted
    a < PUBLISH t/x 2 qos1 #2
    accepted
    a < PUBLISH t/x 3 qos1 #3
local: PUBLISH u/x 4 qos1
    accepted
b: CONNECT v3 resume
    b < CONNACK Success session_present
    b < PUBLISH t/x 1 qos1 #1
    b < PUBLISH t/x 2 qos1 #2
    b < PUBLISH t/x 3 qos1 #3

== A leading wildcard does not match $ topics, and no character is another (3.1.1: [MQTT-4.7.2-1] [MQTT-4.7.3-4])
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE # +/é
    a < SUBACK #1 qos0 qos0
local: PUBLISH $SYS/é 1
    accepted
local: PUBLISH a/é 2
    accepted
    a < PUBLISH a/é 2
a: SUBSCRIBE $SYS/é
    a < SUBACK #1 qos0
local: PUBLISH $SYS/é 3
    accepted
    a < PUBLISH $SYS/é 3
local: PUBLISH $sys/é 4
    accepted

== A PUBLISH that is not authorized is acknowledged all the same (3.1.1: [MQTT-3.3.5-2])
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH $SYS/x x qos1 #1
    event: publication of a to $SYS/x refused, NotAuthorized
    a < PUBACK #1
a: PUBLISH $SYS/x x qos2 #2
    a < PUBREC #2
a: PUBREL #2
    a < PUBCOMP #2

== What cannot be done for lack of room closes the connection it came by, or was for (3.1.1: [MQTT-4.8.0-2])
limits queue_len_max=1 in_flight_max=1
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
repeat 3 | local: PUBLISH t % qos1
    accepted
    a < PUBLISH t 1 qos1 #1
    accepted
    accepted
    a close QuotaExceeded (the client does not keep up with its subscriptions)
    a ended, client a
    event: disconnected, Closed(QuotaExceeded)
    event: session of a ended
