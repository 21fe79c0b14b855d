# Shared subscriptions, chapter 4.8.2.

== Members take turns; sessions outside the group get everything; each at its granted QoS [MQTT-4.8.2-3]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
c: CONNECT
    c < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos1 id=1
    a < SUBACK #1 qos1
b: SUBSCRIBE $share/g/t id=2
    b < SUBACK #1 qos0
c: SUBSCRIBE t
    c < SUBACK #1 qos0
p: PUBLISH t 1 qos1
    accepted from p
    c < PUBLISH t 1
    a < PUBLISH t 1 qos1 #1 id=1
    p < PUBACK #1
p: PUBLISH t 2 qos1
    accepted from p
    c < PUBLISH t 2
    b < PUBLISH t 2 id=2
    p < PUBACK #1
p: PUBLISH t 3 qos1
    accepted from p
    c < PUBLISH t 3
    a < PUBLISH t 3 qos1 #2 id=1
    p < PUBACK #1

== Two groups, and a member's own subscription beside it, each get a copy
a: CONNECT
    a < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t
    a < SUBACK #1 qos0
a: SUBSCRIBE $share/h/+
    a < SUBACK #1 qos0
a: SUBSCRIBE t
    a < SUBACK #1 qos0
p: PUBLISH t x
    accepted from p
    a < PUBLISH t x
    a < PUBLISH t x
    a < PUBLISH t x

== An absent member is passed over while another is connected
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE $share/g/t qos1
    b < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
p: PUBLISH t 1 qos1
    accepted from p
    b < PUBLISH t 1 qos1 #1
    p < PUBACK #1
p: PUBLISH t 2 qos1
    accepted from p
    b < PUBLISH t 2 qos1 #2
    p < PUBACK #1
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
    event: session of b ended
p: PUBLISH t 3 qos1
    accepted from p
    p < PUBACK #1
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos1 #1
    a < PUBLISH t 2 qos1 #2
    a < PUBLISH t 3 qos1 #3

== A member that leaves does not cost the others their turn
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
c: CONNECT
    c < CONNACK Success
a: SUBSCRIBE $share/g/t
    a < SUBACK #1 qos0
b: SUBSCRIBE $share/g/t
    b < SUBACK #1 qos0
c: SUBSCRIBE $share/g/t
    c < SUBACK #1 qos0
local: PUBLISH t 1
    accepted
    a < PUBLISH t 1
local: PUBLISH t 2
    accepted
    b < PUBLISH t 2
a: UNSUBSCRIBE $share/g/t
    a < UNSUBACK #1 Success
local: PUBLISH t 3
    accepted
    c < PUBLISH t 3
local: PUBLISH t 4
    accepted
    b < PUBLISH t 4

== A member whose queue is full is passed over too
limits queue_len_max=1
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
hold a
a: SUBSCRIBE $share/g/t
    a < SUBACK #1 qos0
b: SUBSCRIBE $share/g/t
    b < SUBACK #1 qos0
repeat 4 | local: PUBLISH t %
    accepted
    a wake
    accepted
    b < PUBLISH t 2
    accepted
    b < PUBLISH t 3
    accepted
    b < PUBLISH t 4

== What waited for a member that goes away is another's
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE $share/g/t qos1
    b < SUBACK #1 qos1
hold a
p: PUBLISH t 1 qos1
    accepted from p
    a wake
    p < PUBACK #1
p: PUBLISH t 2 qos1
    accepted from p
    b < PUBLISH t 2 qos1 #1
    p < PUBACK #1
p: PUBLISH t 3 qos1
    accepted from p
    p < PUBACK #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    b < PUBLISH t 1 qos1 #2
    b < PUBLISH t 3 qos1 #3

== In flight: QoS 1 is another's once the session ended, QoS 2 never [MQTT-4.8.2-5]
a: CONNECT expiry=5s
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos2
    a < SUBACK #1 qos2
p: PUBLISH t 1 qos1
    accepted from p
    a < PUBLISH t 1 qos1 #1
    p < PUBACK #1
p: PUBLISH t 2 qos2
    accepted from p
    a < PUBLISH t 2 qos2 #2
    p < PUBREC #1
b: SUBSCRIBE $share/g/t qos2
    b < SUBACK #1 qos2
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 5s
    b < PUBLISH t 1 qos1 #1
    event: session of a expired
stats dropped_session_ended
    dropped_session_ended: 1

== QoS 2 in flight is completed with the same member when it returns [MQTT-4.8.2-4]
a: CONNECT expiry=5s
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos2
    a < SUBACK #1 qos2
b: SUBSCRIBE $share/g/t qos2
    b < SUBACK #1 qos2
p: PUBLISH t 1 qos2
    accepted from p
    a < PUBLISH t 1 qos2 #1
    p < PUBREC #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=5s
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos2 #1 dup

== Refused with PUBACK or PUBREC it is discarded, not offered to others [MQTT-4.8.2-6]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t qos2
    a < SUBACK #1 qos2
b: SUBSCRIBE $share/g/t qos2
    b < SUBACK #1 qos2
p: PUBLISH t 1 qos1
    accepted from p
    a < PUBLISH t 1 qos1 #1
    p < PUBACK #1
a: PUBACK #1 0x80
p: PUBLISH t 2 qos2
    accepted from p
    b < PUBLISH t 2 qos2 #1
    p < PUBREC #1
b: PUBREC #1 0x97

== Retained messages are not sent to a shared subscription; the flag is as published if asked for
a: CONNECT
    a < CONNACK Success
p: CONNECT
    p < CONNACK Success
p: PUBLISH t old retain
    accepted from p
a: SUBSCRIBE $share/g/t as_published
    a < SUBACK #1 qos0
p: PUBLISH t new retain
    accepted from p
    a < PUBLISH t new retain

== The last member leaves, and the group with it
a: CONNECT
    a < CONNACK Success
p: CONNECT
    p < CONNACK Success
a: SUBSCRIBE $share/g/t
    a < SUBACK #1 qos0
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
p: PUBLISH t x qos1
    accepted from p
    p < PUBACK #1 NoMatchingSubscribers

== Each copy has the identifier of its own subscription [MQTT-3.3.4-5]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE $share/g/t id=1
    a < SUBACK #1 qos0
a: SUBSCRIBE t id=2
    a < SUBACK #1 qos0
a: SUBSCRIBE $share/h/+ id=3
    a < SUBACK #1 qos0
a: PUBLISH t x
    accepted from a
    a < PUBLISH t x id=2
    a < PUBLISH t x id=1
    a < PUBLISH t x id=3

== Members of both versions take turns, and what one leaves behind the other gets
a: CONNECT v3 resume
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE $share/g/t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE $share/g/t qos1
    b < SUBACK #1 qos1
hold a
local: PUBLISH t 1 qos1 user=unit:mm
    accepted
    a wake
local: PUBLISH t 2 qos1
    accepted
    b < PUBLISH t 2 qos1 #1
local: PUBLISH t 3 qos1
    accepted
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    b < PUBLISH t 1 qos1 #2 unit:mm
    b < PUBLISH t 3 qos1 #3
