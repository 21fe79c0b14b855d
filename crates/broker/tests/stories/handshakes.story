# QoS 1 and 2 towards clients: packet ids, window, redelivery. Chapters 4.3, 4.4, 4.6 and 4.9.

== QoS 1: until PUBACK it is in flight [MQTT-4.3.2-2] [MQTT-4.3.2-3]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: PUBLISH t x qos1
    accepted from a
    a < PUBLISH t x qos1 #1
    a < PUBACK #1
session a
    connected, 1 subscriptions, 0 queued, 1 in flight
a: PUBACK #1
session a
    connected, 1 subscriptions, 0 queued, 0 in flight

== QoS 2: PUBREC, PUBREL, PUBCOMP [MQTT-2.2.1-5] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT-4.3.3-5]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
a: PUBLISH t x qos1
    accepted from a
    a < PUBLISH t x qos1 #1
    a < PUBACK #1
a: PUBACK #1
local: PUBLISH t y qos2
    accepted
    a < PUBLISH t y qos2 #2
a: PUBREC #2
    a < PUBREL #2
session a
    connected, 1 subscriptions, 0 queued, 1 in flight
a: PUBREC #2
    a < PUBREL #2
a: PUBCOMP #2
session a
    connected, 1 subscriptions, 0 queued, 0 in flight

== A PUBREC that refuses ends the exchange [MQTT-4.4.0-2]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t y qos2
    accepted
    a < PUBLISH t y qos2 #1
a: PUBREC #1 0x80
session a
    connected, 1 subscriptions, 0 queued, 0 in flight
a: PUBREC #1
    a < PUBREL #1 PacketIdentifierNotFound

== No more in flight than the client's Receive Maximum [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2], or than our own limit
limits in_flight_max=3
a: CONNECT receive=2
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
b: SUBSCRIBE t qos2
    b < SUBACK #1 qos2
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
    b < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos2
    accepted
    a < PUBLISH t 2 qos2 #2
    b < PUBLISH t 2 qos2 #2
local: PUBLISH t 3 qos1
    accepted
    b < PUBLISH t 3 qos1 #3
local: PUBLISH t 4 qos1
    accepted
a: PUBACK #1
    a < PUBLISH t 3 qos1 #3
a: PUBREC #2
    a < PUBREL #2
a: PUBCOMP #2
    a < PUBLISH t 4 qos1 #4
b: PUBACK #3
    b < PUBLISH t 4 qos1 #4

== QoS 0 keeps its place behind a QoS 1 that has to wait [MQTT-4.6.0-5] (4.9)
a: CONNECT receive=1
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos1
    accepted
local: PUBLISH t 3
    accepted
a: PUBACK #1
    a < PUBLISH t 2 qos1 #2
    a < PUBLISH t 3

== After a reconnect all goes again, in its order, with DUP; released ones as PUBREL [MQTT-3.3.1-1] [MQTT-4.3.3-3] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT-4.6.0-1]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos2
    accepted
    a < PUBLISH t 2 qos2 #2
local: PUBLISH t 3 qos1
    accepted
    a < PUBLISH t 3 qos1 #3
local: PUBLISH t 4 qos2
    accepted
    a < PUBLISH t 4 qos2 #4
a: PUBREC #2
    a < PUBREL #2
a: PUBACK #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
local: PUBLISH t 5 qos1
    accepted
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBREL #2
    a < PUBLISH t 3 qos1 #3 dup
    a < PUBLISH t 4 qos2 #4 dup
    a < PUBLISH t 5 qos1 #5
a: PUBCOMP #2
a: PUBACK #3
a: PUBREC #4
    a < PUBREL #4
a: PUBCOMP #4
a: PUBACK #5
session a
    connected, 1 subscriptions, 0 queued, 0 in flight

== A smaller Receive Maximum holds for redelivery too
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
repeat 4 | local: PUBLISH t % qos1
    accepted
    a < PUBLISH t 1 qos1 #1
    accepted
    a < PUBLISH t 2 qos1 #2
    accepted
    a < PUBLISH t 3 qos1 #3
    accepted
    a < PUBLISH t 4 qos1 #4
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=never receive=2
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos1 #1 dup
    a < PUBLISH t 2 qos1 #2 dup
a: PUBACK #2
    a < PUBLISH t 3 qos1 #3 dup
a: PUBACK #1
    a < PUBLISH t 4 qos1 #4 dup
a: PUBACK #3
local: PUBLISH t 5 qos1
    accepted
    a < PUBLISH t 5 qos1 #5
a: PUBACK #4

== PUBRELs that wait for their PUBCOMP count against the window of the new connection
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
a: PUBREC #3
    a < PUBREL #3
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=never receive=2
    a < CONNACK Success session_present
    a < PUBREL #3
    a < PUBLISH t 1 qos2 #1 dup
a: PUBCOMP #3
    a < PUBLISH t 2 qos2 #2 dup
a: PUBREC #1
    a < PUBREL #1
a: PUBCOMP #1

== The client's Maximum Packet Size: discarded as if sent [MQTT-3.1.2-24] [MQTT-3.1.2-25]
a: CONNECT packet=20 receive=1
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t 0123456789abcdefghijklmnopqrstuvwxyz qos1
    accepted
local: PUBLISH t small qos1
    accepted
    a < PUBLISH t small qos1 #2
stats dropped_too_large
    dropped_too_large: 1
session a
    connected, 1 subscriptions, 0 queued, 1 in flight

== Deliveries in pieces as the socket drains
a: CONNECT
    a < CONNACK Success
hold a
a: SUBSCRIBE t
    a < SUBACK #1 qos0
repeat 3 | local: PUBLISH t %
    accepted
    a wake
    accepted
    accepted
read a 1
    a < PUBLISH t 1
    a has more
hold a
local: PUBLISH t 4
    accepted
read a 1
    a < PUBLISH t 2
    a has more
read a
    a < PUBLISH t 3
    a < PUBLISH t 4

== While the window is full everything but QoS>0 goes on [MQTT-3.3.4-10] [MQTT-4.9.0-3]
a: CONNECT receive=1
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t 1 qos1
    accepted
    a < PUBLISH t 1 qos1 #1
local: PUBLISH t 2 qos1
    accepted
a: PINGREQ
    a < PINGRESP
a: SUBSCRIBE u
    a < SUBACK #1 qos0
a: UNSUBSCRIBE u
    a < UNSUBACK #1 Success
a: PUBLISH v x qos1 #7
    accepted from a
    a < PUBACK #7 NoMatchingSubscribers
a: PUBLISH v x qos2 #8
    accepted from a
    a < PUBREC #8 NoMatchingSubscribers
a: PUBREL #8
    a < PUBCOMP #8
a: PUBACK #1
    a < PUBLISH t 2 qos1 #2

== A message of which the PUBLISH has gone does not expire any more, nor does a handshake [MQTT-4.3.3-7] [MQTT-4.3.3-13]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t x qos2 expiry=10s
    accepted
    a < PUBLISH t x qos2 #1 expiry=10s
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 20s
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t x qos2 #1 dup expiry=0s
a: PUBREC #1
    a < PUBREL #1
a: PUBCOMP #1
a: PUBLISH u y qos2 #5 expiry=1s
    accepted from a
    a < PUBREC #5 NoMatchingSubscribers
wait 5s
a: PUBLISH u y qos2 #5 dup expiry=1s
    a < PUBREC #5
a: PUBREL #5
    a < PUBCOMP #5

== DUP says what happened on one hop, not before it [MQTT-3.3.1-3], and nothing with QoS 0 [MQTT-3.3.1-2] [MQTT-4.3.1-1]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE t
    b < SUBACK #1 qos0
b: PUBLISH t x qos1 dup
    accepted from b
    a < PUBLISH t x qos1 #1
    b < PUBLISH t x
    b < PUBACK #1

== Nothing is sent again but over a new connection [MQTT-4.4.0-1]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t x qos1
    accepted
    a < PUBLISH t x qos1 #1
wait 500s
