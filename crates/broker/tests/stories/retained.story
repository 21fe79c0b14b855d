# Retained messages, chapter 3.3.1.3 and 3.8.3.1.

== Kept, replaced, taken away by an empty payload [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7]; not touched without the flag [MQTT-3.3.1-8]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: PUBLISH t one retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
b: SUBSCRIBE t qos1
    b < SUBACK #1 qos1
    b < PUBLISH t one qos1 #1 retain
a: PUBLISH t two retain
    accepted from a
    b < PUBLISH t two
b: SUBSCRIBE t
    b < SUBACK #1 qos0
    b < PUBLISH t two retain
a: PUBLISH t - retain
    accepted from a
    b < PUBLISH t -
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: PUBLISH t three
    accepted from a
    b < PUBLISH t three
b: SUBSCRIBE t
    b < SUBACK #1 qos0

== Sent with retain set, at the lower QoS, with the subscription's identifier (3.1.1: [MQTT-3.3.1-8])
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x retain qos2
    accepted from a
    a < PUBREC #1 NoMatchingSubscribers
a: PUBREL #1
    a < PUBCOMP #1
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t qos1 id=9
    b < SUBACK #1 qos1
    b < PUBLISH t x qos1 #1 retain id=9

== By filter: wildcards, parents, and what hides behind $
a: CONNECT
    a < CONNACK Success
a: PUBLISH sport 1 retain
    accepted from a
a: PUBLISH sport/tennis 2 retain
    accepted from a
a: PUBLISH sport/golf 3 retain
    accepted from a
a: PUBLISH sport/tennis/final 4 retain
    accepted from a
a: PUBLISH /x 5 retain
    accepted from a
local: PUBLISH $SYS/x 6 retain
    accepted
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE #
    b < SUBACK #1 qos0
    b < PUBLISH sport 1 retain
    b < PUBLISH sport/tennis 2 retain
    b < PUBLISH sport/tennis/final 4 retain
    b < PUBLISH sport/golf 3 retain
    b < PUBLISH /x 5 retain
b: SUBSCRIBE sport/#
    b < SUBACK #1 qos0
    b < PUBLISH sport 1 retain
    b < PUBLISH sport/tennis 2 retain
    b < PUBLISH sport/tennis/final 4 retain
    b < PUBLISH sport/golf 3 retain
b: SUBSCRIBE sport/+
    b < SUBACK #1 qos0
    b < PUBLISH sport/tennis 2 retain
    b < PUBLISH sport/golf 3 retain
b: SUBSCRIBE +/+
    b < SUBACK #1 qos0
    b < PUBLISH sport/tennis 2 retain
    b < PUBLISH sport/golf 3 retain
    b < PUBLISH /x 5 retain
b: SUBSCRIBE +/tennis/#
    b < SUBACK #1 qos0
    b < PUBLISH sport/tennis 2 retain
    b < PUBLISH sport/tennis/final 4 retain
b: SUBSCRIBE $SYS/#
    b < SUBACK #1 qos0
    b < PUBLISH $SYS/x 6 retain
b: SUBSCRIBE +/x
    b < SUBACK #1 qos0
    b < PUBLISH /x 5 retain
b: SUBSCRIBE nothing/#
    b < SUBACK #1 qos0

== Retain Handling: 0 always, 1 if new, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x retain
    accepted from a
a: SUBSCRIBE t retained=2
    a < SUBACK #1 qos0
a: SUBSCRIBE t retained=1
    a < SUBACK #1 qos0
a: SUBSCRIBE t retained=0
    a < SUBACK #1 qos0
    a < PUBLISH t x retain
a: UNSUBSCRIBE t
    a < UNSUBACK #1 Success
a: SUBSCRIBE t retained=1
    a < SUBACK #1 qos0
    a < PUBLISH t x retain

== Before live deliveries, and none is lost or reordered
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
hold b
a: PUBLISH t old retain
    accepted from a
b: SUBSCRIBE t
    b < SUBACK #1 qos0
    b wake
a: PUBLISH t new retain
    accepted from a
read b
    b < PUBLISH t old retain
    b < PUBLISH t new

== They outlive their publisher's session (3.1.2.4); expiry takes them away [MQTT-3.3.2-5]
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x retain
    accepted from a
a: PUBLISH u y retain expiry=10s
    accepted from a
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
wait 4s
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE #
    b < SUBACK #1 qos0
    b < PUBLISH t x retain
    b < PUBLISH u y retain expiry=6s
wait 6s
b: SUBSCRIBE #
    b < SUBACK #1 qos0
    b < PUBLISH t x retain
stats expired
    expired: 1

== Undelivered at QoS>0 they wait for an absent client
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH u y retain
    accepted from a
b: CONNECT expiry=never
    b < CONNACK Success
hold b
b: SUBSCRIBE # qos1
    b < SUBACK #1 qos1
    b wake
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
session b
    absent, 1 subscriptions, 1 queued, 0 in flight
read b
b: CONNECT resume expiry=never
    b < CONNACK Success session_present
    b < PUBLISH t x qos1 #1 retain

== Replacing a subscription sends retained messages again, and no live one is lost meanwhile [MQTT-3.8.4-4]
a: CONNECT
    a < CONNACK Success
local: PUBLISH t old retain qos1
    accepted
hold a
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
    a wake
local: PUBLISH t 1 qos1
    accepted
a: SUBSCRIBE t qos1 id=2
    a < SUBACK #1 qos1
local: PUBLISH t 2 qos1
    accepted
read a
    a < PUBLISH t old qos1 #1 retain
    a < PUBLISH t old qos1 #2 retain id=2
    a < PUBLISH t 1 qos1 #3
    a < PUBLISH t 2 qos1 #4 id=2

== What the local session said in a process before this one is kept again and delivered to nobody
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE $own/#
    a < SUBACK #1 qos0
quietly: PUBLISH $own/x 1 qos1 retain
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE $own/# qos1
    b < SUBACK #1 qos1
    b < PUBLISH $own/x 1 qos1 #1 retain
local: PUBLISH $own/x 2 qos1 retain
    accepted
    a < PUBLISH $own/x 2
    b < PUBLISH $own/x 2 qos1 #2
