# What somebody else in the house does not take: sections 3.4.2, 3.5.2 and 3.3.5.2.

== Refused with a reason code and a reason string, delivered to nobody and not retained
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t qos2
    b < SUBACK #1 qos2
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x retain qos1 #1 refuse=150_is_above_100
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
    a < PUBACK #1 PayloadFormatInvalid (150 is above 100)
a: PUBLISH t x qos2 #2 refuse=150_is_above_100
    refused from a
    a < PUBREC #2 PayloadFormatInvalid (150 is above 100)
a: PUBLISH t x refuse=150_is_above_100
    refused from a
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 3, refused_storage: 0, refused_access: 0, refused_subscription: 0, refused_delivery: 0
c: CONNECT
    c < CONNACK Success
c: SUBSCRIBE t
    c < SUBACK #1 qos0

== A retained message that is there stays
a: CONNECT
    a < CONNACK Success
a: PUBLISH t good retain qos1 #1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH t bad retain qos1 #2 refuse=no
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
    a < PUBACK #2 PayloadFormatInvalid (no)
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
    b < PUBLISH t good retain

== Who may publish there may clear what is retained, whoever it belongs to now, and nobody is told
role listener read:topics:#
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: CONNECT
    a < CONNACK Success
a: PUBLISH t forged retain qos1 #1
    accepted from a
    b < PUBLISH t forged
    a < PUBACK #1
n: CONNECT as=user:n roles=listener
    n < CONNACK Success
n: PUBLISH t - retain qos1 #1 forbidden
    event: publication of n to t refused, NotAuthorized
    n < PUBACK #1 NotAuthorized
a: PUBLISH t - qos1 #2 forbidden
    refused from a
    event: publication of a to t refused, NotAuthorized
    a < PUBACK #2 NotAuthorized (it belongs to somebody else)
a: PUBLISH t - retain qos1 #3 forbidden
    a < PUBACK #3
a: PUBLISH t - retain qos2 #4 forbidden
    a < PUBREC #4
a: PUBREL #4
    a < PUBCOMP #4
c: CONNECT
    c < CONNACK Success
c: SUBSCRIBE t
    c < SUBACK #1 qos0

== What is cleared so is gone from disk too
journal
a: CONNECT
    a < CONNACK Success
a: PUBLISH t forged retain qos1 #1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH u other retain qos1 #2
    accepted from a
    a < PUBACK #2 NoMatchingSubscribers
a: PUBLISH t - retain qos1 #3 forbidden
    a < PUBACK #3
disk
    Retained 1

== The PUBREC has ended the exchange: the packet id is free [MQTT-4.3.3-9]
a: CONNECT
    a < CONNACK Success
a: PUBLISH t bad qos2 #5 refuse=no
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
    a < PUBREC #5 PayloadFormatInvalid (no)
a: PUBLISH t good qos2 #5
    accepted from a
    a < PUBREC #5 NoMatchingSubscribers
a: PUBREL #5
    a < PUBCOMP #5

== A repeat of what was taken before is taken, whatever is thought of it now [MQTT-4.3.3-10]
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x qos2 #5
    accepted from a
    a < PUBREC #5 NoMatchingSubscribers
a: PUBLISH t x qos2 #5 dup refuse=no
    a < PUBREC #5
a: PUBREL #5
    a < PUBCOMP #5

== 3.1.1 has no word for it: acknowledged and dropped, so that nobody sends it for ever
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH t x qos1 #1 refuse=no
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
    a < PUBACK #1
a: PUBLISH t x qos2 #2 refuse=no
    refused from a
    a < PUBREC #2
a: PUBREL #2
    a < PUBCOMP #2
a: PUBLISH t x refuse=no
    refused from a

== Who does not want reason strings, or cannot take them, gets the code alone [MQTT-3.1.2-29] [MQTT-3.4.2-2] [MQTT-3.5.2-2]
a: CONNECT no_problems
    a < CONNACK Success
a: PUBLISH t x qos1 #1 refuse=no
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
    a < PUBACK #1 PayloadFormatInvalid
b: CONNECT packet=20
    b < CONNACK Success
b: PUBLISH t x qos2 #1 refuse=a_long_explanation_of_what_is_wrong
    refused from b
    event: publication of b to t refused, PayloadFormatInvalid
    b < PUBREC #1 PayloadFormatInvalid
b: PUBLISH t x qos1 #2 refuse=short
    refused from b
    b < PUBACK #2 PayloadFormatInvalid (short)

== What the broker itself refuses is refused for its own reason
a: CONNECT
    a < CONNACK Success
a: PUBLISH $SYS/x x qos1 #1 refuse=no
    event: publication of a to $SYS/x refused, NotAuthorized
    a < PUBACK #1 NotAuthorized

== It keeps its client alive like any packet
a: CONNECT keep=10s
    a < CONNACK Success
wait 14s
a: PUBLISH t x refuse=no
    refused from a
    event: publication of a to t refused, PayloadFormatInvalid
wait 14s
a: PINGREQ
    a < PINGRESP

== A will is judged when it is published, and one that is refused is nobody's
judge bad
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: CONNECT will(t,bad,retain,qos1)
    a < CONNACK Success
a: LOST
    refused will of a: t
    event: publication of a to t refused, PayloadFormatInvalid
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
a: CONNECT will(t,good)
    a < CONNACK Success
a: LOST
    accepted will of a: t
    event: will of a published to t
    b < PUBLISH t good
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
c: CONNECT will(t,bad,delay=5s) expiry=60s
    c < CONNACK Success
c: LOST
    c ended, client c
    event: disconnected, Lost(Closed)
wait 6s
    refused will of c: t
    event: publication of c to t refused, PayloadFormatInvalid
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 2, refused_storage: 0, refused_access: 0, refused_subscription: 0, refused_delivery: 0

== Of some topics each refusal is told
alert
role fitter write:topics:a/#
a: CONNECT as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH b/1 x qos1 #1
    event: publication of a to b/1 refused, NotAuthorized
    a < PUBACK #1 NotAuthorized
a: PUBLISH b/2 x qos1 #2
    a < PUBACK #2 NotAuthorized
a: PUBLISH alert/1 x qos1 #3
    event: publication of a to alert/1 refused, NotAuthorized
    a < PUBACK #3 NotAuthorized
a: PUBLISH alert/1 x qos1 #4
    event: publication of a to alert/1 refused, NotAuthorized
    a < PUBACK #4 NotAuthorized
