# Topic aliases towards a client, section 3.3.2.3.4. The connection's encoder defines them.

== A client that takes aliases gets the name once [MQTT-3.1.2-26] [MQTT-3.3.2-11]; who does not gets it always [MQTT-3.1.2-27]
a: CONNECT aliases=1
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE # qos2
    a < SUBACK #1 qos2
b: SUBSCRIBE #
    b < SUBACK #1 qos0
local: PUBLISH plant/a 1
    accepted
    a < PUBLISH plant/a=1 1
    b < PUBLISH plant/a 1
local: PUBLISH plant/a 2 qos1
    accepted
    a < PUBLISH =1 2 qos1 #1
    b < PUBLISH plant/a 2
local: PUBLISH plant/a 3 qos2
    accepted
    a < PUBLISH =1 3 qos2 #2
    b < PUBLISH plant/a 3
local: PUBLISH plant/b 4
    accepted
    a < PUBLISH plant/b=1 4
    b < PUBLISH plant/b 4
local: PUBLISH plant/a 5
    accepted
    a < PUBLISH plant/a=1 5
    b < PUBLISH plant/a 5

== Aliases end with the connection; over the next one they are defined anew, also for redeliveries [MQTT-3.3.2-7]
a: CONNECT aliases=1 expiry=never
    a < CONNACK Success
a: SUBSCRIBE # qos1
    a < SUBACK #1 qos1
local: PUBLISH plant/a 1 qos1
    accepted
    a < PUBLISH plant/a=1 1 qos1 #1
local: PUBLISH plant/a 2 qos1
    accepted
    a < PUBLISH =1 2 qos1 #2
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT aliases=1 resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH plant/a=1 1 qos1 #1 dup
    a < PUBLISH =1 2 qos1 #2 dup

== 3.1.1 knows no aliases
a: CONNECT v3 aliases=1
    a < CONNACK Success
a: SUBSCRIBE #
    a < SUBACK #1 qos0
local: PUBLISH plant/a 1
    accepted
    a < PUBLISH plant/a 1
local: PUBLISH plant/a 2
    accepted
    a < PUBLISH plant/a 2
