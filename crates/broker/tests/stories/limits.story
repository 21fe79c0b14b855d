# What happens when something is full. Each queue has a size and a policy.

== MQ06: a slow connected client: QoS 0 is dropped and counted, told once until drained
limits queue_len_max=2
a: CONNECT
    a < CONNACK Success
hold a
a: SUBSCRIBE t
    a < SUBACK #1 qos0
repeat 5 | local: PUBLISH t %
    accepted
    a wake
    accepted
    accepted
    event: queue of a full
    accepted
    accepted
stats dropped_slow
    dropped_slow: 3
read a
    a < PUBLISH t 1
    a < PUBLISH t 2
hold a
repeat 3 | local: PUBLISH t %
    accepted
    a wake
    accepted
    accepted
    event: queue of a full
stats dropped_slow
    dropped_slow: 4

== A slow connected client: QoS>0 beyond the queue disconnects it with 0x97; its kept session keeps what it had
limits queue_len_max=2
a: CONNECT expiry=never will(gone,a)
    a < CONNACK Success
hold a
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
repeat 4 | local: PUBLISH t % qos1
    accepted
    a wake
    accepted
    accepted
    a close QuotaExceeded (the client does not keep up with its subscriptions)
    accepted will of a: gone
    event: will of a published to gone
    a ended, client a
    event: disconnected, Closed(QuotaExceeded)
    accepted
    event: queue of a full
stats dropped queued
    queued: 2, queued_behind: 0, dropped_slow: 0, dropped_absent: 0, dropped_queue_full: 1, dropped_overrun: 1, dropped_too_large: 0, dropped_session_ended: 0
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a wake
read a
    a < PUBLISH t 1 qos1 #1
    a < PUBLISH t 2 qos1 #2

== An absent client: the newest is refused and counted, told once
limits queue_len_max=2
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
repeat 4 | local: PUBLISH t % qos1
    accepted
    accepted
    accepted
    event: queue of a full
    accepted
stats dropped
    dropped_slow: 0, dropped_absent: 0, dropped_queue_full: 2, dropped_overrun: 0, dropped_too_large: 0, dropped_session_ended: 0
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t 1 qos1 #1
    a < PUBLISH t 2 qos1 #2

== MQ06: the window is full and so is the queue: the client that never acknowledges is disconnected, others are not
limits queue_len_max=2 in_flight_max=1
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE t
    b < SUBACK #1 qos0
repeat 4 | local: PUBLISH t % qos1
    accepted
    a < PUBLISH t 1 qos1 #1
    b < PUBLISH t 1
    accepted
    b < PUBLISH t 2
    accepted
    b < PUBLISH t 3
    accepted
    b < PUBLISH t 4
    a close QuotaExceeded (the client does not keep up with its subscriptions)
    a ended, client a
    event: disconnected, Closed(QuotaExceeded)
    event: session of a ended

== A will published because of a full queue fills another: both go, one after the other
limits queue_len_max=1
a: CONNECT will(w,a,qos1)
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
hold a
hold b
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE w qos1
    b < SUBACK #1 qos1
local: PUBLISH w 1 qos1
    accepted
    b wake
local: PUBLISH t 1 qos1
    accepted
    a wake
local: PUBLISH t 2 qos1
    accepted
    a close QuotaExceeded (the client does not keep up with its subscriptions)
    accepted will of a: w
    event: will of a published to w
    a ended, client a
    event: disconnected, Closed(QuotaExceeded)
    event: session of a ended
    b close QuotaExceeded (the client does not keep up with its subscriptions)
    b ended, client b
    event: disconnected, Closed(QuotaExceeded)
    event: session of b ended

== Retained messages: beyond the quota 0x97, replacing and clearing go on (MQ09)
limits retained_max=2 retained_backlog_max=2
a: CONNECT
    a < CONNACK Success
a: PUBLISH 1 x retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH 2 x retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH 3 x retain qos1
    event: publication of a to 3 refused, QuotaExceeded
    a < PUBACK #1 QuotaExceeded
a: PUBLISH 3 x retain
a: PUBLISH 2 y retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH 1 - retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH 3 x retain qos1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
stats refused
    refused_topic: 0, refused_retained: 2, refused_elsewhere: 0, refused_storage: 0, refused_access: 0, refused_subscription: 0, refused_delivery: 0

== A will beyond the quota is delivered all the same, only not retained; what is ours needs no room
limits retained_max=1 retained_backlog_max=1
a: CONNECT will(2,gone,retain)
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE #
    b < SUBACK #1 qos0
b: PUBLISH 1 x retain
    accepted from b
    b < PUBLISH 1 x
a: LOST
    accepted will of a: 2
    event: will of a published to 2
    b < PUBLISH 2 gone
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
local: PUBLISH 3 y retain
    accepted
    b < PUBLISH 3 y
local: PUBLISH $SYS/z z retain
    accepted
c: CONNECT
    c < CONNACK Success
c: SUBSCRIBE #
    c < SUBACK #1 qos0
    c < PUBLISH 1 x retain
    c < PUBLISH 3 y retain
c: SUBSCRIBE $SYS/#
    c < SUBACK #1 qos0
    c < PUBLISH $SYS/z z retain
b: PUBLISH 1 xx retain
    accepted from b
    b < PUBLISH 1 xx
    c < PUBLISH 1 xx
stats refused
    refused_topic: 0, refused_retained: 1, refused_elsewhere: 0, refused_storage: 0, refused_access: 0, refused_subscription: 0, refused_delivery: 0

== Retained messages do not count against the queue, however many
limits queue_len_max=2
repeat 300 | local: PUBLISH r/% % retain
    accepted
    accepted
    … 297 more
    accepted
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE r/+
    a < SUBACK #1 qos0
    a < PUBLISH r/1 1 retain
    … 298 more
    a < PUBLISH r/300 300 retain
hold a
a: SUBSCRIBE r/+
    a < SUBACK #1 qos0
    a wake
local: PUBLISH r/1 live
    accepted
session a
    connected, 1 subscriptions, 301 queued, 0 in flight

== Subscribing faster than reading ends the connection
limits retained_max=2 retained_backlog_max=3
repeat 2 | local: PUBLISH r/% % retain
    accepted
    accepted
a: CONNECT
    a < CONNACK Success
hold a
a: SUBSCRIBE # qos1
    a < SUBACK #1 qos1
    a wake
a: SUBSCRIBE # qos1
    a close QuotaExceeded (it subscribes faster than it reads retained messages)
    a ended, client a
    event: disconnected, Closed(QuotaExceeded)
    event: session of a ended

== One SUBSCRIBE may not have the retained messages walked for ever
limits retained_walks_max=1
repeat 4 | local: PUBLISH r/% % retain
    accepted
    accepted
    accepted
    accepted
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE # +/x +/# r/1
    a < SUBACK #1 qos0 qos0 QuotaExceeded qos0
    a < PUBLISH r/1 1 retain
    a < PUBLISH r/2 2 retain
    a < PUBLISH r/3 3 retain
    a < PUBLISH r/4 4 retain
    a < PUBLISH r/1 1 retain

== Subscriptions of one session: beyond the limit 0x97, replacing goes on (MT10)
limits subscriptions_per_session_max=3
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE a b $share/g/c d
    a < SUBACK #1 qos0 qos0 qos0 QuotaExceeded
a: SUBSCRIBE a $share/g/c
    a < SUBACK #1 qos0 qos0
a: SUBSCRIBE $share/h/c
    a < SUBACK #1 QuotaExceeded
a: SUBSCRIBE a b b a
    a < SUBACK #1 qos0 qos0 qos0 QuotaExceeded
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE a b c d
    b < SUBACK #1 qos0 qos0 qos0 UnspecifiedError

== Depth of topics: filters 0x8F, retained topics 0x90 and no branch is made (MT08)
limits topic_levels_max=3
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE a/b/c a/b/c/d ////
    a < SUBACK #1 qos0 TopicFilterInvalid TopicFilterInvalid
a: PUBLISH ////// x retain qos1
    event: publication of a to ////// refused, TopicNameInvalid
    a < PUBACK #1 TopicNameInvalid

== A SUBACK larger than the client's Maximum Packet Size is not sent; the client would wait for it [MQTT-3.1.2-24]
a: CONNECT packet=20
    a < CONNACK Success
a: SUBSCRIBE a b c
    a < SUBACK #1 qos0 qos0 qos0
a: SUBSCRIBE a b c d e f g h i j k l m n o p q r
    a close PacketTooLarge
    a ended, client a
    event: disconnected, Closed(PacketTooLarge)
    event: session of a ended

== The smallest client that can connect gets every answer, none with anything that could be too large for it [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2]
a: CONNECT packet=16
    a < CONNACK Success
a: SUBSCRIBE t u+ qos2
    a < SUBACK #1 qos2 TopicFilterInvalid
a: UNSUBSCRIBE u u+
    a < UNSUBACK #1 NoSubscriptionExisted TopicFilterInvalid
a: PUBLISH $no x qos1 #1
    event: publication of a to $no refused, NotAuthorized
    a < PUBACK #1 NotAuthorized
a: PUBLISH $no x qos2 #2
    a < PUBREC #2 NotAuthorized
a: PUBLISH u x qos2 #3
    accepted from a
    a < PUBREC #3 NoMatchingSubscribers
a: PUBREL #3
    a < PUBCOMP #3
a: PUBREL #4
    a < PUBCOMP #4 PacketIdentifierNotFound
local: PUBLISH t x qos2
    accepted
    a < PUBLISH t x qos2 #1
a: PUBREC #1
    a < PUBREL #1
a: PUBREC #2
    a < PUBREL #2 PacketIdentifierNotFound

== MQ14: two clients with one client id: after a few takeovers the newcomer is refused, and one of the two works
limits takeovers_per_minute_max=2
a: CONNECT id=twin
    a < CONNACK Success
b: CONNECT id=twin
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client twin
    event: disconnected, TakenOver { resumed: false }
    event: session of twin ended
    b < CONNACK Success
c: CONNECT id=twin
    b close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    b ended, client twin
    event: disconnected, TakenOver { resumed: false }
    event: session of twin ended
    c < CONNACK Success
# Told once; the connection that is there stays.
d: CONNECT id=twin
    d < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    event: twin flaps, c stays, d refused
    d close
e: CONNECT v3 id=twin
    e < CONNACK ServerUnavailable
    e close
c: PINGREQ
    c < PINGRESP
stats takeovers_refused taken_over connections_refused
    connections_refused: 2, takeovers_refused: 2, taken_over: 2
# One is given back every half of a minute.
wait 30s
f: CONNECT id=twin
    c close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    c ended, client twin
    event: disconnected, TakenOver { resumed: false }
    event: session of twin ended
    f < CONNACK Success
g: CONNECT id=twin
    g < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    g close
# A minute of peace, and all is forgotten.
wait 60s
h: CONNECT id=twin
    f close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    f ended, client twin
    event: disconnected, TakenOver { resumed: false }
    event: session of twin ended
    h < CONNACK Success
i: CONNECT id=twin
    h close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    h ended, client twin
    event: disconnected, TakenOver { resumed: false }
    event: session of twin ended
    i < CONNACK Success
j: CONNECT id=twin
    j < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    event: twin flaps, i stays, j refused
    j close

== MQ14: a client that comes back after it was away takes nobody over
limits takeovers_per_minute_max=1
repeat 5 | a%: CONNECT id=roamer resume expiry=60s
    a1 < CONNACK Success
    a1 close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a1 ended, client roamer
    event: disconnected, TakenOver { resumed: true }
    a2 < CONNACK Success session_present
    a3 < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    event: roamer flaps, a2 stays, a3 refused
    a3 close
    a4 < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    a4 close
    a5 < CONNACK ConnectionRateExceeded (connections with this client id take each other over too often; give each client its own)
    a5 close
a2: DISCONNECT
    a2 close
    a2 ended, client roamer
    event: disconnected, Disconnect(Success)
b: CONNECT id=roamer resume
    b < CONNACK Success session_present
